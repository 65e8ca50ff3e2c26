//! Convolutions as sums of shifted views of zero-padded planes ([`crate::geometry`]). The output,
//! the input gradient and the weight gradient are two short loops ([`ShiftedProduct`],
//! [`Correlation`]); no im2col matrix is built.
//!
//! Each function takes one of two paths:
//! - the Winograd path ([`crate::winograd`]), where [`winograd::is_faster`] says so: kernel 3,
//!   stride 1, and enough channels and tiles, in a build with the feature `winograd`;
//! - the direct path in this module otherwise.
//!
//! Both paths sum in f32. The tests allow a difference from the definition, and from Burn's own
//! convolution on random normal numbers, of `2e-4` of the largest value.
//!
//! [`ShiftedProduct`]: crate::loops::ShiftedProduct
//! [`Correlation`]: crate::loops::Correlation
//! [`winograd::is_faster`]: crate::winograd::is_faster

mod forward;
mod input_gradient;
#[cfg(test)]
mod tests;
mod weight_gradient;

pub use self::forward::forward;
pub use self::input_gradient::input_gradient;
pub use self::weight_gradient::weight_gradient;

use crate::fused::{InputAffine, apply_prologue};
use crate::geometry::Geometry;
use crate::loops::BLOCK;

/// Weights reordered for [`ShiftedProduct`](crate::loops::ShiftedProduct): `[block][k][BLOCK]`,
/// zero past the last row. `weight(r, k)` is the weight of output row `r` and input row `k < ks`.
///
/// Always inlined: as a call, it took 19 % of the time of a prediction of one image, and 9 % inlined.
#[inline(always)]
fn pack(rows: usize, ks: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut packed = vec![0.0; rows.div_ceil(BLOCK) * ks * BLOCK];
    for r in 0..rows {
        let block = &mut packed[r / BLOCK * ks * BLOCK..][..ks * BLOCK];
        for (k, values) in block.chunks_exact_mut(BLOCK).enumerate() {
            values[r % BLOCK] = weight(r, k);
        }
    }
    packed
}

/// Copies image `i` of a group, `[cin, height, width]`, into its planes, after the prologue. A
/// channel goes through `buffer`, because the loops are faster over a whole channel than over the
/// short rows of a plane.
#[inline(always)]
fn copy_image(
    g: Geometry,
    i: usize,
    image: &[f32],
    prologue: Option<InputAffine>,
    planes: &mut [f32],
    buffer: &mut [f32],
) {
    let channels = image.chunks_exact(g.height * g.width);
    for (c, (channel, planes)) in channels.zip(planes.chunks_mut(g.channel_length())).enumerate() {
        g.copy_channel(i, apply_prologue(prologue, c, channel, buffer), planes);
    }
}
