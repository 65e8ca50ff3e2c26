//! Statistics and gradients against their formulas in f64.

use super::*;
use crate::reference::{close, values};

const SHAPE: Shape = Shape { n: 9, channels: 3, size: 37 };

/// The values of channel `c`, and their mean and biased variance, in f64.
fn channel(x: &[f32], c: usize) -> (Vec<f64>, f64, f64) {
    let planes = (0..SHAPE.n).flat_map(|n| SHAPE.plane(x, n, c));
    let values: Vec<f64> = planes.map(|&v| f64::from(v)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    let var = squares / values.len() as f64;
    (values, mean, var)
}

#[test]
fn statistics_survive_a_large_mean() {
    let mut x = values(SHAPE.n * SHAPE.channels * SHAPE.size, 1);
    x.iter_mut().for_each(|x| *x += 100.0);
    let (mean, var) = statistics(SHAPE, &x);
    for c in 0..SHAPE.channels {
        let (_, expected_mean, expected_var) = channel(&x, c);
        assert!((f64::from(mean[c]) - expected_mean).abs() < 1e-4);
        assert!((f64::from(var[c]) / expected_var - 1.0).abs() < 1e-3);
    }
}

#[test]
fn gradients_follow_the_formula() {
    let x = values(SHAPE.n * SHAPE.channels * SHAPE.size, 2);
    let dy = values(x.len(), 3);
    let (mean, var) = statistics(SHAPE, &x);
    let rstd: Vec<f32> = var.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
    let parameters = Parameters { gamma: vec![0.5, 1.0, -2.0], beta: vec![0.1; 3], mean, rstd };
    let (dx, dgamma, dbeta) = gradient(SHAPE, &x, dy.clone(), &parameters);
    for c in 0..SHAPE.channels {
        let (values, mean, var) = channel(&x, c);
        let rstd = 1.0 / (var + 1e-5).sqrt();
        let gamma = f64::from(parameters.gamma[c]);
        let beta = f64::from(parameters.beta[c]);
        let h: Vec<f64> = values.iter().map(|x| (x - mean) * rstd).collect();
        let dy = (0..SHAPE.n).flat_map(|n| SHAPE.plane(&dy, n, c));
        let g: Vec<f64> = dy
            .zip(&h)
            .map(|(&dy, h)| if gamma * h + beta > 0.0 { f64::from(dy) } else { 0.0 })
            .collect();
        let sum: f64 = g.iter().sum();
        let weighted: f64 = g.iter().zip(&h).map(|(g, h)| g * h).sum();
        close(&[dbeta[c], dgamma[c]], &[sum as f32, weighted as f32]);
        let m = h.len() as f64;
        let expected =
            g.iter().zip(&h).map(|(g, h)| (gamma * rstd * (g - sum / m - h * weighted / m)) as f32);
        let dx: Vec<f32> = (0..SHAPE.n).flat_map(|n| SHAPE.plane(&dx, n, c)).copied().collect();
        close(&dx, &expected.collect::<Vec<_>>());
    }
}
