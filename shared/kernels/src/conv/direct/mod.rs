//! Convolutions as sums of products. In an image with channels last, the pixels under a row of a kernel are
//! neighbours in memory. The sum over them and their channels is one product of matrices
//! ([`Product`](crate::product::Product)), so no im2col matrix is built.

mod bordered;
mod forward;
mod input_gradient;
mod kernel_gradient;
mod write;

pub use self::forward::Forward;
pub use self::input_gradient::InputGradient;
pub use self::kernel_gradient::KernelGradient;

use crate::geometry::Geometry;

/// Output pixels that are best computed together: fewer would not use the weights often enough while they are in
/// the cache.
const PIXELS: usize = 128;

/// Images that are computed together.
fn together(g: Geometry) -> usize {
    PIXELS.div_ceil(g.out_height() * g.out_width())
}

/// Weights as the right factor of a product, `[terms][pitch]`, zero past the last column. `weight(c, k)` is the
/// weight of column `c < columns` and term `k < terms`; a column is a channel of the result.
///
/// Always inlined: as a call, it took 19 % of the time of a prediction of one image, and 9 % inlined.
#[inline(always)]
fn pack(
    columns: usize,
    terms: usize,
    pitch: usize,
    weight: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = vec![0.0; terms * pitch];
    for (k, values) in packed.chunks_exact_mut(pitch).enumerate() {
        for (c, value) in values[..columns].iter_mut().enumerate() {
            *value = weight(c, k);
        }
    }
    packed
}
