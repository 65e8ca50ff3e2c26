//! Batch normalisation and the ReLU that follows it, as one operation in two passes.
//!
//! `y = relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, statistics over batch and space.

use super::conv::relu;
use super::par;
use super::planes::put;
use pulp::Arch;
use std::mem::MaybeUninit;

/// `[n, channels, size]`: the shape of an activation with its plane flattened.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    pub n: usize,
    pub channels: usize,
    pub size: usize,
}

impl Planes {
    fn plane<'a>(&self, data: &'a [f32], n: usize, c: usize) -> &'a [f32] {
        &data[(n * self.channels + c) * self.size..][..self.size]
    }
}

/// Eight running sums, so that the compiler can vectorise a reduction it may not reorder.
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|&v| of(v)).sum();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane += of(v);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Mean and biased variance of every channel. Planes are summed in f32 while they are in the
/// cache and merged in f64 (Chan's rule), so a large mean does not eat the variance.
pub fn statistics(p: Planes, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let both = par::map(p.channels, |c| {
        arch.dispatch(|| {
            let (mut count, mut mean, mut m2) = (0.0f64, 0.0f64, 0.0f64);
            for n in 0..p.n {
                let plane = p.plane(x, n, c);
                let size = plane.len() as f64;
                let own = sum(plane, |v| v) / plane.len() as f32;
                let own_m2 = sum(plane, |v| (v - own) * (v - own)) as f64;
                let delta = own as f64 - mean;
                let total = count + size;
                mean += delta * size / total;
                m2 += own_m2 + delta * delta * count * size / total;
                count = total;
            }
            (mean as f32, (m2 / count) as f32)
        })
    });
    both.into_iter().unzip()
}

/// `relu(scale[c] * x + shift[c])`.
pub fn affine(p: Planes, x: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
    let arch = Arch::new();
    // SAFETY: the planes fill the image.
    unsafe {
        par::build(
            x.len(),
            p.channels * p.size,
            || (),
            |_, n, y| {
                arch.dispatch(|| {
                    for (c, y) in y.chunks_exact_mut(p.size).enumerate() {
                        put(y, p.plane(x, n, c), |_, x| relu(scale[c] * x + shift[c]));
                    }
                });
            },
        )
    }
}

/// Gradients of the training form: returns `(dx, dgamma, dbeta)`.
///
/// With `h = (x - mean) * rstd` and `g = dy` where the output was positive:
/// `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma rstd (g - dbeta / m - h dgamma / m)`.
pub fn gradient(
    p: Planes,
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    rstd: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let affine = |c: usize| (gamma[c] * rstd[c], beta[c] - gamma[c] * rstd[c] * mean[c]);
    let sums = par::map(p.channels, |c| {
        let (scale, shift) = affine(c);
        arch.dispatch(|| {
            let (mut total, mut weighted) = (0.0f64, 0.0f64);
            for n in 0..p.n {
                let (mut a, mut b) = ([0.0f32; 16], [0.0f32; 16]);
                let (xs, dys) = (p.plane(x, n, c), p.plane(dy, n, c));
                for (xs, dys) in xs.chunks(16).zip(dys.chunks(16)) {
                    for (i, (&x, &dy)) in xs.iter().zip(dys).enumerate() {
                        let g = if scale * x + shift > 0.0 { dy } else { 0.0 };
                        a[i] += g;
                        b[i] += g * (x - mean[c]);
                    }
                }
                total += a.iter().sum::<f32>() as f64;
                weighted += b.iter().sum::<f32>() as f64;
            }
            ((weighted * rstd[c] as f64) as f32, total as f32)
        })
    });
    let (dgamma, dbeta): (Vec<f32>, Vec<f32>) = sums.into_iter().unzip();
    let m = (p.n * p.size) as f32;
    let work = |n: usize, dx: &mut [MaybeUninit<f32>]| {
        for (c, dx) in dx.chunks_exact_mut(p.size).enumerate() {
            let (scale, shift) = affine(c);
            let (along, base) = (dgamma[c] / m * rstd[c], dbeta[c] / m);
            let pairs = p.plane(x, n, c).iter().zip(p.plane(dy, n, c));
            for (dx, (&x, &dy)) in dx.iter_mut().zip(pairs) {
                let g = if scale * x + shift > 0.0 { dy } else { 0.0 };
                dx.write(scale * (g - base - (x - mean[c]) * along));
            }
        }
    };
    // SAFETY: the planes fill the image.
    let dx = unsafe {
        par::build(x.len(), p.channels * p.size, || (), |_, n, dx| arch.dispatch(|| work(n, dx)))
    };
    (dx, dgamma, dbeta)
}
