//! Statistics and gradients against their formulas in f64.

use super::*;
use crate::fused::InputAffine;
use crate::reference::{close, values};

/// Several tasks, of which the last is short, and a number of channels that is no multiple of a vector.
const SHAPES: [Shape; 3] = [
    Shape { pixels: 333, channels: 3 },
    Shape { pixels: 9000, channels: 17 },
    Shape { pixels: 5000, channels: 32 },
];

/// The values of channel `c`, and their mean and biased variance, in f64.
fn channel(shape: Shape, x: &[f32], c: usize) -> (Vec<f64>, f64, f64) {
    let values: Vec<f64> = x.iter().skip(c).step_by(shape.channels).map(|&v| v.into()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    let var = squares / values.len() as f64;
    (values, mean, var)
}

#[test]
fn statistics_survive_a_large_mean() {
    for shape in SHAPES {
        let mut x = values(shape.pixels * shape.channels, 1);
        x.iter_mut().for_each(|x| *x += 100.0);
        let Statistics { mean, var } = statistics(shape, &x);
        for c in 0..shape.channels {
            let (_, expected_mean, expected_var) = channel(shape, &x, c);
            assert!((f64::from(mean[c]) - expected_mean).abs() < 1e-4);
            assert!((f64::from(var[c]) / expected_var - 1.0).abs() < 1e-3);
        }
    }
}

#[test]
fn statistics_survive_a_first_pixel_far_from_the_others() {
    let shape = SHAPES[0];
    let mut x = values(shape.pixels * shape.channels, 1);
    x[..shape.channels].fill(1000.0);
    let Statistics { var, .. } = statistics(shape, &x);
    for (c, var) in var.into_iter().enumerate() {
        assert!((f64::from(var) / channel(shape, &x, c).2 - 1.0).abs() < 1e-3);
    }
}

#[test]
fn gradients_follow_the_formula() {
    for shape in SHAPES {
        let x = values(shape.pixels * shape.channels, 2);
        let dy = values(x.len(), 3);
        let Statistics { mean, var } = statistics(shape, &x);
        let rstd: Vec<f32> = var.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
        let gamma = values(shape.channels, 4);
        let beta = vec![0.1; shape.channels];
        let parameters = Parameters { gamma, beta, mean, rstd };
        let (dx, dgamma, dbeta) = gradient(shape, &x, dy.clone(), &parameters, None);
        for c in 0..shape.channels {
            let (values, mean, var) = channel(shape, &x, c);
            let rstd = 1.0 / (var + 1e-5).sqrt();
            let gamma = f64::from(parameters.gamma[c]);
            let beta = f64::from(parameters.beta[c]);
            let h: Vec<f64> = values.iter().map(|x| (x - mean) * rstd).collect();
            let (dy, ..) = channel(shape, &dy, c);
            let positive = |(dy, h): (f64, &f64)| if gamma * h + beta > 0.0 { dy } else { 0.0 };
            let g: Vec<f64> = dy.into_iter().zip(&h).map(positive).collect();
            let sum: f64 = g.iter().sum();
            let weighted: f64 = g.iter().zip(&h).map(|(g, h)| g * h).sum();
            close(&[dbeta[c], dgamma[c]], &[sum as f32, weighted as f32]);
            let m = h.len() as f64;
            let dx_of = |(g, h): (&f64, &f64)| gamma * rstd * (g - sum / m - h * weighted / m);
            let expected: Vec<f32> = g.iter().zip(&h).map(|pair| dx_of(pair) as f32).collect();
            let (dx, ..) = channel(shape, &dx, c);
            close(&dx.into_iter().map(|v| v as f32).collect::<Vec<_>>(), &expected);
        }
    }
}

#[test]
fn statistics_of_pieces_are_merged() {
    // The mean of 1, 2, 3, 4, 8 is 3.6, and that of their squares 18.8.
    let parts = vec![moments(1, &[1.0, 2.0]), moments(1, &[3.0, 4.0, 8.0])];
    let Statistics { mean, var } = Statistics::merged(1, parts);
    close(&mean, &[3.6]);
    close(&var, &[18.8 - 3.6 * 3.6]);
}

#[test]
fn affine_maps_and_their_gradients_follow_the_formula() {
    for shape in SHAPES {
        let x = values(shape.pixels * shape.channels, 2);
        let dy = values(x.len(), 3);
        let scale = values(shape.channels, 4);
        let shift = values(shape.channels, 5);
        let affine = InputAffine { scale: &scale, shift: &shift };
        let before = |i: usize| scale[i % shape.channels] * x[i] + shift[i % shape.channels];
        let expected: Vec<f32> = (0..x.len()).map(|i| before(i).max(0.0)).collect();
        close(&affine_relu(shape, &x, affine), &expected);
        let dx = affine_relu_gradient(shape, &x, dy.clone(), affine);
        for (i, (found, dy)) in dx.into_iter().zip(dy).enumerate() {
            // Rounding may move a sum this near zero to its other side.
            if before(i).abs() > 1e-6 {
                let expected = if before(i) > 0.0 { scale[i % shape.channels] * dy } else { 0.0 };
                assert_eq!(found, expected, "element {i}");
            }
        }
    }
}
