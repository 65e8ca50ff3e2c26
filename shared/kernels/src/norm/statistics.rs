//! Mean and variance of every channel of a batch.

use super::sums::{PixelSums, add_all};
use super::{Shape, piece};
use crate::fused::channels;
use crate::par;
use crate::simd::{fma, load_part};
use pulp::Simd;

/// `x - centre` and its square.
struct Moments<'a> {
    x: &'a [f32],
    centre: &'a [f32],
}

impl PixelSums for Moments<'_> {
    fn len(&self) -> usize {
        self.x.len()
    }

    #[inline(always)]
    unsafe fn add<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(usize, usize, [S::f32s; 2]) -> [S::f32s; 2] {
        let centre = channels(simd, self.centre, channel);
        let x = self.x.as_ptr();
        #[inline(always)]
        move |at, count, [sum, squares]| {
            // SAFETY: the caller gives only values that `x` holds.
            let x = simd.sub_f32s(unsafe { load_part(simd, x.add(at), count) }, centre);
            [simd.add_f32s(sum, x), fma(simd, x, x, squares)]
        }
    }
}

/// Number of values, their mean, and the sum of their squared distances to it.
#[derive(Clone, Copy, Default)]
pub struct Summary {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Summary {
    /// The summary of the values of both: the rule of Chan, Golub and LeVeque,
    /// <https://en.wikipedia.org/wiki/Algorithms_for_calculating_variance#Parallel_algorithm>.
    fn merged(self, other: Self) -> Self {
        let delta = other.mean - self.mean;
        let count = self.count + other.count;
        let mean = self.mean + delta * other.count / count;
        let between = delta * delta * self.count * other.count / count;
        Self { count, mean, squares: self.squares + other.squares + between }
    }
}

/// Mean and biased variance of every channel of a batch.
pub struct Statistics {
    /// Mean.
    pub mean: Vec<f32>,
    /// Mean squared distance to the mean.
    pub var: Vec<f32>,
}

impl Statistics {
    /// The statistics of a batch, from the summaries of its pieces in order.
    pub fn merged(channels: usize, parts: Vec<Vec<Summary>>) -> Self {
        let mut all = vec![Summary::default(); channels];
        for part in parts {
            for (all, part) in all.iter_mut().zip(part) {
                *all = all.merged(part);
            }
        }
        let var = |s: &Summary| (s.squares.max(0.0) / s.count) as f32;
        Self {
            mean: all.iter().map(|s| s.mean as f32).collect(),
            var: all.iter().map(var).collect(),
        }
    }
}

/// Pixels whose mean is the centre that is subtracted from values before they are squared.
const CENTRE_PIXELS: usize = 16;

/// The summary of every channel of some pixels. Values are summed in f32 after the subtraction of a centre, and
/// the sums are added in f64, so that a large mean does not cancel the digits of the variance.
pub fn moments(channels: usize, x: &[f32]) -> Vec<Summary> {
    let first = &x[..x.len().min(CENTRE_PIXELS * channels)];
    let zeros = vec![0.0; channels];
    let mut totals = vec![[0.0; 2]; channels];
    add_all(channels, std::iter::once(Moments { x: first, centre: &zeros }), &mut totals);
    let count = (first.len() / channels) as f64;
    let centre: Vec<f32> = totals.iter().map(|total| (total[0] / count) as f32).collect();
    totals.fill([0.0; 2]);
    let pieces = x.chunks(piece(channels)).map(|x| Moments { x, centre: &centre });
    add_all(channels, pieces, &mut totals);
    let count = (x.len() / channels) as f64;
    let summary = |(&centre, [sum, squares]): (&f32, [f64; 2])| Summary {
        count,
        mean: f64::from(centre) + sum / count,
        squares: squares - sum * sum / count,
    };
    centre.iter().zip(totals).map(summary).collect()
}

/// Mean and biased variance of every channel.
pub fn statistics(shape: Shape, x: &[f32]) -> Statistics {
    let tasks: Vec<&[f32]> = x.chunks(shape.task()).collect();
    let work = |task: usize| moments(shape.channels, tasks[task]);
    Statistics::merged(shape.channels, par::map(tasks.len(), work))
}
