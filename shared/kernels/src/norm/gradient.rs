//! The gradient of a normalisation with batch statistics and ReLU.

use super::map::{PixelMap, map_in_place};
use super::sums::{PixelSums, add_all};
use super::{Shape, piece, task};
use crate::fused::{InputAffine, channels};
use crate::par;
use crate::simd::{fma, load_part};
use pulp::Simd;

/// `g` and `g (x - mean)`, with `g` of [`InputAffine::gradient`].
struct GradientSums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    affine: InputAffine<'a>,
    mean: &'a [f32],
}

impl PixelSums for GradientSums<'_> {
    fn len(&self) -> usize {
        self.x.len().min(self.dy.len())
    }

    #[inline(always)]
    unsafe fn add<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(usize, usize, [S::f32s; 2]) -> [S::f32s; 2] {
        let mean = channels(simd, self.mean, channel);
        let g = self.affine.gradient(simd, channel);
        let pointers = [self.x.as_ptr(), self.dy.as_ptr()];
        #[inline(always)]
        move |at, count, [sum, weighted]| {
            // SAFETY: the caller gives only values that `x` and `dy` hold.
            let [x, dy] = unsafe {
                [
                    load_part(simd, pointers[0].add(at), count),
                    load_part(simd, pointers[1].add(at), count),
                ]
            };
            let g = g(x, dy);
            [simd.add_f32s(sum, g), fma(simd, g, simd.sub_f32s(x, mean), weighted)]
        }
    }
}

/// Adds sums of every channel to `totals`.
pub fn add_sums(totals: &mut [[f64; 2]], sums: &[[f64; 2]]) {
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = [total[0] + sum[0], total[1] + sum[1]];
    }
}

/// The order of the numbers of a batch of normalised values, and the normalisation.
#[derive(Clone, Copy)]
pub struct Normalised<'a> {
    /// Channels.
    pub channels: usize,
    /// The normalisation as `scale x + shift`.
    pub affine: InputAffine<'a>,
    /// Mean of the input.
    pub mean: &'a [f32],
}

impl Normalised<'_> {
    /// Adds `[sum g, sum g (x - mean)]` of every channel to `totals`, where `g` is `dy` if `scale x + shift` is
    /// positive, and else 0.
    pub fn add_gradient_sums(&self, x: &[f32], dy: &[f32], totals: &mut [[f64; 2]]) {
        let Self { channels, affine, mean } = *self;
        let length = piece(channels);
        let pieces = x.chunks(length).zip(dy.chunks(length));
        let pieces = pieces.map(|(x, dy)| GradientSums { x, dy, affine, mean });
        add_all(channels, pieces, totals);
    }

    /// `[sum g, sum g (x - mean)]` of every channel: see [`Normalised::add_gradient_sums`].
    pub fn gradient_sums(&self, x: &[f32], dy: &[f32]) -> Vec<[f64; 2]> {
        let length = task(self.channels);
        let tasks: Vec<_> = x.chunks(length).zip(dy.chunks(length)).collect();
        let work = |task: usize| {
            let (x, dy) = tasks[task];
            let mut totals = vec![[0.0; 2]; self.channels];
            self.add_gradient_sums(x, dy, &mut totals);
            totals
        };
        let parts = par::map(tasks.len(), work);
        let mut totals = vec![[0.0; 2]; self.channels];
        parts.iter().for_each(|part| add_sums(&mut totals, part));
        totals
    }
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

/// `dx = scale (g - mean_g - (x - mean) slope)`, with `g` as in [`GradientSums`], from `x` and `dy`.
struct InputGradient<'a> {
    affine: InputAffine<'a>,
    mean: &'a [f32],
    mean_g: &'a [f32],
    slope: &'a [f32],
}

impl PixelMap for InputGradient<'_> {
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, channel: usize) -> impl Fn(S::f32s, S::f32s) -> S::f32s {
        let Self { affine, mean, mean_g, slope } = self;
        let [scale, mean, mean_g, slope] =
            [affine.scale, mean, mean_g, slope].map(|v| channels(simd, v, channel));
        let g = affine.gradient(simd, channel);
        #[inline(always)]
        move |x, dy| {
            let g = g(x, dy);
            let distance = simd.sub_f32s(mean, x);
            simd.mul_f32s(scale, fma(simd, distance, slope, simd.sub_f32s(g, mean_g)))
        }
    }
}

/// Gradients `(dx, dgamma, dbeta)` of the form with batch statistics; `dx` takes the memory of
/// `dy`.
///
/// With `h = (x - mean) rstd`, `m` values a channel, and `g = dy` where the output is positive,
/// else 0: `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma rstd (g - dbeta / m - h dgamma / m)`.
/// `sums` holds `[sum g, sum g (x - mean)]` of every channel, if it is known.
pub fn gradient(
    shape: Shape,
    x: &[f32],
    mut dy: Vec<f32>,
    parameters: &Parameters,
    sums: Option<Vec<[f64; 2]>>,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let Parameters { mean, rstd, .. } = parameters;
    let (scale, shift) = parameters.scale_shift();
    let affine = InputAffine { scale: &scale, shift: &shift };
    let norm = Normalised { channels: shape.channels, affine, mean };
    let sums = sums.unwrap_or_else(|| norm.gradient_sums(x, &dy));
    let weighted = sums.iter().zip(rstd);
    let dgamma: Vec<f32> = weighted.map(|(s, &rstd)| (s[1] * f64::from(rstd)) as f32).collect();
    let dbeta: Vec<f32> = sums.iter().map(|s| s[0] as f32).collect();
    let m = shape.pixels as f32;
    // `h dgamma / m` is `(x - mean) slope`, and `dbeta / m` is the mean of g.
    let slope: Vec<f32> = dgamma.iter().zip(rstd).map(|(d, rstd)| d / m * rstd).collect();
    let mean_g: Vec<f32> = dbeta.iter().map(|d| d / m).collect();
    let map = InputGradient { affine, mean, mean_g: &mean_g, slope: &slope };
    map_in_place(shape, x, &mut dy, &map);
    (dy, dgamma, dbeta)
}
