//! Batch normalisation (<https://arxiv.org/abs/1502.03167>) and the ReLU that follows it, as one
//! operation in two passes over the input: the statistics, then the output.
//!
//! `y = relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, with mean and biased variance over
//! batch and space. Each plane is summed in f32; the sums of the planes are merged in f64.

#[cfg(test)]
mod tests;

use crate::fused::{InputAffine, relu, write_mapped};
use crate::par;
use crate::simd::{auto_vectorised, dispatch, fma};
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;

/// The shape `[n, channels, size]` of an activation whose rows and columns are flattened.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Pixels of an image.
    pub size: usize,
}

impl Shape {
    /// The pixels of channel `c` of image `n`.
    fn plane<'a>(&self, data: &'a [f32], n: usize, c: usize) -> &'a [f32] {
        &data[(n * self.channels + c) * self.size..][..self.size]
    }
}

/// Computes the mean of some values, and the sum of their squared distances to it.
struct Moments<'a>(&'a [f32]);

impl Moments<'_> {
    /// `sum (x - centre)`, or the sum of its squares.
    #[inline(always)]
    fn sum<S: Simd, const SQUARED: bool>(&self, simd: S, centre: f32) -> f32 {
        let (vectors, rest) = S::as_simd_f32s(self.0);
        let (pairs, last) = vectors.as_chunks::<2>();
        let centres = simd.splat_f32s(centre);
        let mut sums = [simd.splat_f32s(0.0); 2];
        for pair in pairs.iter().map(|pair| &pair[..]).chain([last]) {
            for (sum, &x) in sums.iter_mut().zip(pair) {
                let x = simd.sub_f32s(x, centres);
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

/// Computes `[sum g, sum g (x - mean)]`, where `g` is `dy` if `scale x + shift` is positive, and
/// else 0.
struct GradientSums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    scale: f32,
    shift: f32,
    mean: f32,
}

impl WithSimd for GradientSums<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (dy, dy_rest) = S::as_simd_f32s(self.dy);
        let [scale, shift, mean] = [self.scale, self.shift, self.mean].map(|v| simd.splat_f32s(v));
        let zero = simd.splat_f32s(0.0);
        let mut sum = zero;
        let mut weighted = zero;
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

/// Images of one task: neighbours in memory, so that it is read in order. The number is fixed, so
/// that the order of additions does not depend on the number of threads.
const TASK_IMAGES: usize = 4;

/// `plane(n, c)` of every plane, merged channel by channel in the order of the images.
fn reduce_planes<T: Copy + Default + Send>(
    shape: Shape,
    plane: impl Fn(usize, usize) -> T + Send + Sync,
    merge: impl Fn(T, T) -> T + Send + Sync,
) -> Vec<T> {
    let parts = par::map(
        shape.n.div_ceil(TASK_IMAGES),
        || (),
        |(), part| {
            let mut totals = vec![T::default(); shape.channels];
            for n in part * TASK_IMAGES..shape.n.min((part + 1) * TASK_IMAGES) {
                for (c, total) in totals.iter_mut().enumerate() {
                    *total = merge(*total, plane(n, c));
                }
            }
            totals
        },
    );
    let mut totals = vec![T::default(); shape.channels];
    for part in parts {
        for (total, part) in totals.iter_mut().zip(part) {
            *total = merge(*total, part);
        }
    }
    totals
}

/// Number of values, their mean, and the sum of their squared distances to it.
#[derive(Clone, Copy, Default)]
struct Summary {
    count: f64,
    mean: f64,
    squares: f64,
}

/// The summary of the values of both: the rule of Chan, Golub and LeVeque,
/// <https://en.wikipedia.org/wiki/Algorithms_for_calculating_variance#Parallel_algorithm>.
fn merge(a: Summary, b: Summary) -> Summary {
    let delta = b.mean - a.mean;
    let count = a.count + b.count;
    let mean = a.mean + delta * b.count / count;
    let squares = a.squares + b.squares + delta * delta * a.count * b.count / count;
    Summary { count, mean, squares }
}

/// Mean and biased variance of every channel. A plane is summed in f32 while it is in the cache.
/// The planes are merged in f64, so that a large mean does not cancel the digits of the variance.
pub fn statistics(shape: Shape, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let plane = |n: usize, c: usize| {
        let [mean, squares] = dispatch(arch, Moments(shape.plane(x, n, c))).map(f64::from);
        Summary { count: shape.size as f64, mean, squares }
    };
    let summaries = reduce_planes(shape, plane, merge);
    summaries.into_iter().map(|s| (s.mean as f32, (s.squares / s.count) as f32)).unzip()
}

/// `relu(scale[c] * x + shift[c])`.
pub fn affine_relu(shape: Shape, x: &[f32], affine: InputAffine) -> Vec<f32> {
    let arch = Arch::new();
    let image = shape.channels * shape.size;
    let work = |_: &mut (), n: usize, to: &mut [MaybeUninit<f32>]| {
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for (c, to) in to.chunks_exact_mut(shape.size).enumerate() {
                    let scale = affine.scale[c];
                    let shift = affine.shift[c];
                    write_mapped(to, shape.plane(x, n, c), |x| relu(scale * x + shift));
                }
            },
        );
    };
    // SAFETY: an image is `channels` planes of `size` pixels, and `work` writes each of them.
    unsafe { par::build(shape.n * image, image, || (), work) }
}

/// One number for each channel: what a normalisation with known statistics computes with.
pub struct Parameters {
    /// Factor after the normalisation.
    pub gamma: Vec<f32>,
    /// Summand after the normalisation.
    pub beta: Vec<f32>,
    /// Mean of the input.
    pub mean: Vec<f32>,
    /// `1 / sqrt(var + eps)`.
    pub rstd: Vec<f32>,
}

impl Parameters {
    /// The normalisation as `scale x + shift`.
    pub fn scale_shift(&self) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f32> = self.gamma.iter().zip(&self.rstd).map(|(g, r)| g * r).collect();
        let terms = scale.iter().zip(&self.mean);
        let shift = self.beta.iter().zip(terms).map(|(b, (s, m))| b - s * m).collect();
        (scale, shift)
    }
}

/// Gradients `(dx, dgamma, dbeta)` of the form with batch statistics; `dx` takes the memory of
/// `dy`.
///
/// With `h = (x - mean) rstd`, `m` values a channel, and `g = dy` where the output is positive,
/// else 0: `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma rstd (g - dbeta / m - h dgamma / m)`.
pub fn gradient(
    shape: Shape,
    x: &[f32],
    mut dy: Vec<f32>,
    parameters: &Parameters,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let arch = Arch::new();
    let Parameters { mean, rstd, .. } = parameters;
    let (scale, shift) = parameters.scale_shift();
    let plane = |n: usize, c: usize| {
        let x = shape.plane(x, n, c);
        let dy = shape.plane(&dy, n, c);
        let sums = GradientSums { x, dy, scale: scale[c], shift: shift[c], mean: mean[c] };
        dispatch(arch, sums).map(f64::from)
    };
    let sums = reduce_planes(shape, plane, |a, b| [a[0] + b[0], a[1] + b[1]]);
    let weighted = sums.iter().zip(rstd);
    let dgamma: Vec<f32> = weighted.map(|(s, &rstd)| (s[1] * f64::from(rstd)) as f32).collect();
    let dbeta: Vec<f32> = sums.iter().map(|s| s[0] as f32).collect();
    let m = (shape.n * shape.size) as f32;
    par::for_each_chunk(&mut dy, shape.channels * shape.size, |n, dy| {
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for (c, dy) in dy.chunks_exact_mut(shape.size).enumerate() {
                    let scale = scale[c];
                    let shift = shift[c];
                    let mean = mean[c];
                    // `h dgamma / m` is `(x - mean) slope`, and `dbeta / m` is the mean of g.
                    let slope = dgamma[c] / m * rstd[c];
                    let mean_g = dbeta[c] / m;
                    for (dy, &x) in dy.iter_mut().zip(shape.plane(x, n, c)) {
                        let g = if scale * x + shift > 0.0 { *dy } else { 0.0 };
                        *dy = scale * (g - mean_g - (x - mean) * slope);
                    }
                }
            },
        );
    });
    (dy, dgamma, dbeta)
}
