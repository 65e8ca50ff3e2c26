//! Statistics and gradients against their formulas in f64.

use super::*;
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
