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

/// `[sum (x - centre), sum (x - centre)^2]`.
struct Moments<'a> {
    x: &'a [f32],
    centre: f32,
}

impl WithSimd for Moments<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let (vectors, rest) = S::as_simd_f32s(self.x);
        let centre = simd.splat_f32s(self.centre);
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; 2]; 2];
        let (pairs, last) = vectors.as_chunks::<2>();
        for pair in pairs {
            for (sums, &x) in sums.iter_mut().zip(pair) {
                let x = simd.sub_f32s(x, centre);
                sums[0] = simd.add_f32s(sums[0], x);
                sums[1] = fma(simd, x, x, sums[1]);
            }
        }
        for &x in last {
            let x = simd.sub_f32s(x, centre);
            sums[0][0] = simd.add_f32s(sums[0][0], x);
            sums[0][1] = fma(simd, x, x, sums[0][1]);
        }
        let [a, b] = sums;
        let mut total = [
            simd.reduce_sum_f32s(simd.add_f32s(a[0], b[0])),
            simd.reduce_sum_f32s(simd.add_f32s(a[1], b[1])),
        ];
        for x in rest {
            let x = x - self.centre;
            total[0] += x;
            total[1] += x * x;
        }
        total
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
    let parts = par::map(p.n.div_ceil(TASK), |part| {
        let mut totals = vec![T::default(); p.channels];
        for n in part * TASK..p.n.min((part + 1) * TASK) {
            for (c, total) in totals.iter_mut().enumerate() {
                *total = merge(*total, work(n, c));
            }
        }
        totals
    });
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
        let x = p.plane(x, n, c);
        let centre = dispatch(arch, Moments { x, centre: 0.0 })[0] / x.len() as f32;
        let squares = f64::from(dispatch(arch, Moments { x, centre })[1]);
        Summary { count: x.len() as f64, mean: f64::from(centre), squares }
    };
    let all = reduced(p, plane, merge);
    all.into_iter().map(|s| (s.mean as f32, (s.squares / s.count) as f32)).unzip()
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
                plain(
                    arch,
                    #[inline(always)]
                    || {
                        for (c, y) in y.chunks_exact_mut(p.size).enumerate() {
                            let (scale, shift) = (scale[c], shift[c]);
                            put(y, p.plane(x, n, c), |x| relu(scale * x + shift));
                        }
                    },
                );
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
    let plane = |n: usize, c: usize| {
        let (x, dy, (scale, shift)) = (p.plane(x, n, c), p.plane(dy, n, c), affine(c));
        dispatch(arch, Sums { x, dy, scale, shift, mean: mean[c] }).map(f64::from)
    };
    let sums = reduced(p, plane, |a, b| [a[0] + b[0], a[1] + b[1]]);
    let weighted = sums.iter().zip(rstd).map(|(s, &rstd)| (s[1] * f64::from(rstd)) as f32);
    let (dgamma, dbeta): (Vec<f32>, Vec<f32>) =
        (weighted.collect(), sums.iter().map(|s| s[0] as f32).collect());
    let m = (p.n * p.size) as f32;
    let work = |n: usize, dx: &mut [MaybeUninit<f32>]| {
        for (c, dx) in dx.chunks_exact_mut(p.size).enumerate() {
            let (scale, shift) = affine(c);
            let (along, base, mean) = (dgamma[c] / m * rstd[c], dbeta[c] / m, mean[c]);
            let pairs = p.plane(x, n, c).iter().zip(p.plane(dy, n, c));
            for (dx, (&x, &dy)) in dx.iter_mut().zip(pairs) {
                let g = if scale * x + shift > 0.0 { dy } else { 0.0 };
                dx.write(scale * (g - base - (x - mean) * along));
            }
        }
    };
    // SAFETY: the planes fill the image.
    let dx = unsafe {
        par::build(
            x.len(),
            p.channels * p.size,
            || (),
            |_, n, dx| {
                plain(
                    arch,
                    #[inline(always)]
                    || work(n, dx),
                )
            },
        )
    };
    (dx, dgamma, dbeta)
}
