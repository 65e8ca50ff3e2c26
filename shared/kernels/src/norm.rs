//! Batch normalisation and the ReLU that follows it, as one operation in two passes.
//!
//! `y = relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, statistics over batch and space.

use super::fused::relu;
use super::par;
use super::planes::put;
use super::simd::{dispatch, fma, plain};
use pulp::{Arch, Simd, WithSimd};
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

/// Mean of some values, and the sum of their squared distances to it.
struct Moments<'a>(&'a [f32]);

impl Moments<'_> {
    /// `sum (x - centre)`, or of its square.
    #[inline(always)]
    fn sum<S: Simd, const SQUARED: bool>(&self, simd: S, centre: f32) -> f32 {
        let (vectors, rest) = S::as_simd_f32s(self.0);
        let (pairs, last) = vectors.as_chunks::<2>();
        let middle = simd.splat_f32s(centre);
        let mut sums = [simd.splat_f32s(0.0); 2];
        for pair in pairs.iter().map(|pair| &pair[..]).chain([last]) {
            for (sum, &x) in sums.iter_mut().zip(pair) {
                let x = simd.sub_f32s(x, middle);
                *sum = if SQUARED { fma(simd, x, x, *sum) } else { simd.add_f32s(*sum, x) };
            }
        }
        let mut total = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
        for x in rest {
            let x = x - centre;
            total += if SQUARED { x * x } else { x };
        }
        total
    }
}

impl WithSimd for Moments<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let mean = self.sum::<S, false>(simd, 0.0) / self.0.len() as f32;
        [mean, self.sum::<S, true>(simd, mean)]
    }
}

/// `[sum g, sum g (x - mean)]`, where `g` is `dy` wherever `scale x + shift` is positive.
struct Sums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    scale: f32,
    shift: f32,
    mean: f32,
}

impl WithSimd for Sums<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let ((x, x_rest), (dy, dy_rest)) = (S::as_simd_f32s(self.x), S::as_simd_f32s(self.dy));
        let [scale, shift, mean] = [self.scale, self.shift, self.mean].map(|v| simd.splat_f32s(v));
        let zero = simd.splat_f32s(0.0);
        let (mut sum, mut weighted) = (zero, zero);
        for (&x, &dy) in x.iter().zip(dy) {
            let y = fma(simd, scale, x, shift);
            let g = simd.select_f32s(simd.greater_than_f32s(y, zero), dy, zero);
            sum = simd.add_f32s(sum, g);
            weighted = fma(simd, g, simd.sub_f32s(x, mean), weighted);
        }
        let mut total = [simd.reduce_sum_f32s(sum), simd.reduce_sum_f32s(weighted)];
        for (x, dy) in x_rest.iter().zip(dy_rest) {
            let g = if self.scale * x + self.shift > 0.0 { *dy } else { 0.0 };
            total[0] += g;
            total[1] += g * (x - self.mean);
        }
        total
    }
}

/// Images one task takes: neighbours in memory, so that it is read from one end to the other, and a
/// fixed number, so that the order of additions does not depend on the number of threads.
const TASK: usize = 4;

/// What `work` makes of every plane, put together by `merge` channel by channel in the order of images.
fn reduced<T: Copy + Default + Send>(
    p: Planes,
    work: impl Fn(usize, usize) -> T + Send + Sync,
    merge: impl Fn(T, T) -> T + Send + Sync,
) -> Vec<T> {
    let parts = par::map(
        p.n.div_ceil(TASK),
        || (),
        |(), part| {
            let mut totals = vec![T::default(); p.channels];
            for n in part * TASK..p.n.min((part + 1) * TASK) {
                for (c, total) in totals.iter_mut().enumerate() {
                    *total = merge(*total, work(n, c));
                }
            }
            totals
        },
    );
    let mut totals = vec![T::default(); p.channels];
    for part in parts {
        for (total, part) in totals.iter_mut().zip(part) {
            *total = merge(*total, part);
        }
    }
    totals
}

/// Number of values, mean, sum of squares around it.
#[derive(Clone, Copy, Default)]
struct Summary {
    count: f64,
    mean: f64,
    squares: f64,
}

/// Chan's rule.
fn merge(a: Summary, b: Summary) -> Summary {
    let (delta, count) = (b.mean - a.mean, a.count + b.count);
    let mean = a.mean + delta * b.count / count;
    let squares = a.squares + b.squares + delta * delta * a.count * b.count / count;
    Summary { count, mean, squares }
}

/// Mean and biased variance of every channel. Planes are summed in f32 while they are in the
/// cache and merged in f64, so a large mean does not eat the variance.
pub fn statistics(p: Planes, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let plane = |n: usize, c: usize| {
        let [mean, squares] = dispatch(arch, Moments(p.plane(x, n, c))).map(f64::from);
        Summary { count: p.size as f64, mean, squares }
    };
    let all = reduced(p, plane, merge);
    all.into_iter().map(|s| (s.mean as f32, (s.squares / s.count) as f32)).unzip()
}

/// `relu(scale[c] * x + shift[c])`.
pub fn affine(p: Planes, x: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
    let (arch, image) = (Arch::new(), p.channels * p.size);
    let images = |_: &mut (), n: usize, to: &mut [MaybeUninit<f32>]| {
        plain(
            arch,
            #[inline(always)]
            || {
                for (c, to) in to.chunks_exact_mut(p.size).enumerate() {
                    let (scale, shift) = (scale[c], shift[c]);
                    put(to, p.plane(x, n, c), |x| relu(scale * x + shift));
                }
            },
        );
    };
    // SAFETY: the planes fill the image.
    unsafe { par::build(p.n * image, image, || (), images) }
}

/// What normalising with these gamma, beta, mean and `1 / std` does: `scale x + shift`.
pub fn scale_shift([gamma, beta, mean, rstd]: &[Vec<f32>; 4]) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = gamma.iter().zip(rstd).map(|(g, r)| g * r).collect();
    let shift = beta.iter().zip(scale.iter().zip(mean)).map(|(b, (s, m))| b - s * m).collect();
    (scale, shift)
}

/// Gradients of the training form, in the place of the output's: returns `(dx, dgamma, dbeta)`.
/// `parts` are gamma, beta, mean and `rstd`.
///
/// With `h = (x - mean) * rstd` and `g = dy` where the output was positive:
/// `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma rstd (g - dbeta / m - h dgamma / m)`.
pub fn gradient(
    p: Planes,
    x: &[f32],
    mut dy: Vec<f32>,
    parts: &[Vec<f32>; 4],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let ([_, _, mean, rstd], (scale, shift)) = (parts, scale_shift(parts));
    let plane = |n: usize, c: usize| {
        let (x, dy) = (p.plane(x, n, c), p.plane(&dy, n, c));
        let sums = Sums { x, dy, scale: scale[c], shift: shift[c], mean: mean[c] };
        dispatch(arch, sums).map(f64::from)
    };
    let sums = reduced(p, plane, |a, b| [a[0] + b[0], a[1] + b[1]]);
    let weighted = sums.iter().zip(rstd).map(|(s, &rstd)| (s[1] * f64::from(rstd)) as f32);
    let (dgamma, dbeta): (Vec<f32>, Vec<f32>) =
        (weighted.collect(), sums.iter().map(|s| s[0] as f32).collect());
    let m = (p.n * p.size) as f32;
    par::change(&mut dy, p.channels * p.size, |n, dy| {
        plain(
            arch,
            #[inline(always)]
            || {
                for (c, dy) in dy.chunks_exact_mut(p.size).enumerate() {
                    let (scale, shift, mean) = (scale[c], shift[c], mean[c]);
                    let (along, base) = (dgamma[c] / m * rstd[c], dbeta[c] / m);
                    for (dy, &x) in dy.iter_mut().zip(p.plane(x, n, c)) {
                        let g = if scale * x + shift > 0.0 { *dy } else { 0.0 };
                        *dy = scale * (g - base - (x - mean) * along);
                    }
                }
            },
        );
    });
    (dy, dgamma, dbeta)
}
