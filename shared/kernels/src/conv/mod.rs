//! Convolutions and their gradients over a batch.
//!
//! Two algorithms compute a piece of the batch: sums of products ([`direct`]), and Winograd's
//! ([`crate::winograd`]) where [`winograd::is_faster`] says so: kernel 3, stride 1, and enough channels and tiles,
//! in a build with the feature `winograd`. Both sum in f32. The tests allow a difference from the definition,
//! and from Burn's own convolution on random normal numbers, of `2e-4` of the largest value.
//!
//! This module cuts the batch into pieces, and does what can be done with the numbers of a piece while they are
//! in the cache: the statistics of an output, and the sums of a normalisation's gradient.

pub mod direct;
mod steps;
#[cfg(test)]
mod tests;

pub use self::steps::{ImageStep, KernelGradientStep};

use crate::fused::{Fused, InputAffine};
use crate::geometry::Geometry;
use crate::norm::{self, Statistics};
use crate::winograd;

/// Numbers that stay in the second-level cache.
pub const CACHED: usize = 1 << 18;

/// Multiply-adds of a convolution by the algorithm that it takes.
pub fn multiply_adds(g: Geometry) -> usize {
    let of_an_image = if winograd::is_faster(g) {
        winograd::products(g)
    } else {
        g.taps() * g.out_height() * g.out_width()
    };
    g.n * g.cin * g.cout * of_an_image
}

/// `x [n, h, w, cin]`, `weight [cout, cin, k, k]` -> `[n, oh, ow, cout]`, with what is fused.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    if winograd::is_faster(g) {
        steps::outputs(g, &winograd::Convolution::forward(g, weight), x, fused, |_| ()).0
    } else {
        steps::outputs(g, &direct::Forward::new(g, weight), x, fused, |_| ()).0
    }
}

/// [`forward`], and the statistics of the output.
pub fn forward_with_statistics(
    g: Geometry,
    x: &[f32],
    weight: &[f32],
    fused: Fused,
) -> (Vec<f32>, Statistics) {
    let moments = |y: &[f32]| norm::moments(g.cout, y);
    let (y, parts) = if winograd::is_faster(g) {
        steps::outputs(g, &winograd::Convolution::forward(g, weight), x, fused, moments)
    } else {
        steps::outputs(g, &direct::Forward::new(g, weight), x, fused, moments)
    };
    (y, Statistics::merged(g.cout, parts))
}

/// `dy [n, oh, ow, cout]`, `weight [cout, cin, k, k]` -> `[n, h, w, cin]`.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let transposed = g.transposed();
    if winograd::is_faster(g) {
        let step = winograd::Convolution::input_gradient(g, weight);
        steps::outputs(transposed, &step, dy, Fused::default(), |_| ()).0
    } else {
        let step = direct::InputGradient::new(g, weight);
        steps::outputs(transposed, &step, dy, Fused::default(), |_| ()).0
    }
}

/// `x [n, h, w, cin]`, to which the prologue is applied, `dy [n, oh, ow, cout]` -> `[cout, cin, k, k]`.
pub fn weight_gradient(
    g: Geometry,
    x: &[f32],
    dy: &[f32],
    prologue: Option<InputAffine>,
) -> Vec<f32> {
    if winograd::is_faster_for_kernels(g) {
        steps::kernel_gradient(g, &winograd::KernelGradient::new(g), x, dy, prologue)
    } else if has_large_kernels(g) {
        direct::KernelGradient::new(g).of_batch(x, dy, prologue)
    } else {
        steps::kernel_gradient(g, &direct::KernelGradient::new(g), x, dy, prologue)
    }
}

/// Whether the kernels are so large that the sums of several tasks cost more than images that are read twice.
fn has_large_kernels(g: Geometry) -> bool {
    g.taps() * g.cin * g.cout > CACHED
}

/// The gradients of a convolution of `relu(scale x + shift)`.
pub struct Gradients {
    /// With respect to the convolution's input `relu(scale x + shift)`, `[n, h, w, cin]`.
    pub input: Vec<f32>,
    /// With respect to the weights, `[cout, cin, k, k]`.
    pub weight: Vec<f32>,
    /// The sums of [`norm::Normalised::gradient_sums`] over `x` and `input`.
    pub sums: Vec<[f64; 2]>,
}

/// All gradients of a convolution of `relu(scale x + shift)`. Unless the kernels are large, every piece of `x`
/// and of the output's gradient `dy` is used for all gradients while it is in the cache.
pub fn gradients(
    g: Geometry,
    x: &[f32],
    dy: &[f32],
    weight: &[f32],
    affine: InputAffine,
    mean: &[f32],
) -> Gradients {
    let norm = norm::Normalised { channels: g.cin, affine, mean };
    if !winograd::is_faster_for_kernels(g) && has_large_kernels(g) {
        let input = input_gradient(g, dy, weight);
        let weight = direct::KernelGradient::new(g).of_batch(x, dy, Some(affine));
        let sums = norm.gradient_sums(x, &input);
        return Gradients { input, weight, sums };
    }
    match (winograd::is_faster(g), winograd::is_faster_for_kernels(g)) {
        (true, true) => {
            let input = winograd::Convolution::input_gradient(g, weight);
            steps::gradients(g, &input, &winograd::KernelGradient::new(g), x, dy, norm)
        }
        (true, false) => {
            let input = winograd::Convolution::input_gradient(g, weight);
            steps::gradients(g, &input, &direct::KernelGradient::new(g), x, dy, norm)
        }
        (false, _) => {
            let input = direct::InputGradient::new(g, weight);
            steps::gradients(g, &input, &direct::KernelGradient::new(g), x, dy, norm)
        }
    }
}
