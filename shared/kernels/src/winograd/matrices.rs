//! The matrices of F(4x4, 3x3), each applied to whole vectors of tiles.
//!
//! The method multiplies polynomials of degree 5 by their values at 0, ±a, ±b and infinity. Lavin
//! and Gray take the points 1 and 2; here `a = 1/sqrt(2)` and `b = sqrt(2)`. As `ab = 1`, the
//! powers of the points stay close to 1. Over 64 channels of normal numbers, the largest rounding
//! error is twice that of direct sums; with the points 1 and 2 it is five times that.
//!
//! ```text
//!       | 1   0  -5/2   0   1  0 |        |   1      0     0  |
//!       | 0  -b   -2    a   1  0 |        | -2/3  -2a/3  -1/3 |
//! B^T = | 0   b   -2   -a   1  0 |    G = | -2/3   2a/3  -1/3 |
//!       | 0  -a  -1/2   b   1  0 |        |  1/6    b/6   1/3 |
//!       | 0   a  -1/2  -b   1  0 |        |  1/6   -b/6   1/3 |
//!       | 0   1    0  -5/2  0  1 |        |   0      0     1  |
//!
//!       | 1   1    1    1    1   0 |
//! A^T = | 0   a   -a    b   -b   0 |
//!       | 0  1/2  1/2   2    2   0 |
//!       | 0  a/2 -a/2  2b  -2b   1 |
//! ```
//!
//! `G` and `G^T` are applied in [`weights`](super::weights), to [`BLOCK`](crate::loops::BLOCK)
//! kernels at once; the others here, to a vector of tiles at once.
//!
//! Transformed tiles are stored as `[channel][element][PITCH]`: `PITCH` is the distance between the
//! elements of a tile, and neighbouring tiles are neighbours in memory. The tiles of an image
//! follow each other row by row without gaps. A vector may therefore write past the end of a row of
//! tiles: the tiles of the next row are written there later, or the padding at the end is there.

use crate::simd::{fma, load, store};
use pulp::Simd;
pub use std::f32::consts::{FRAC_1_SQRT_2 as A, SQRT_2 as B};

/// Outputs of a tile along a side.
pub const OUTPUTS: usize = 4;

/// Inputs of a tile along a side.
pub const INPUTS: usize = OUTPUTS + 2;

/// Elements of a transformed tile.
pub const ELEMENTS: usize = INPUTS * INPUTS;

/// Largest number of tiles in a row of an image.
pub const MAX_COLUMNS: usize = 32;

/// `c a + b`.
#[inline(always)]
fn scaled_add<S: Simd>(simd: S, c: f32, a: S::f32s, b: S::f32s) -> S::f32s {
    fma(simd, simd.splat_f32s(c), a, b)
}

/// `B^T d`.
#[inline(always)]
pub fn input_transform<S: Simd>(simd: S, d: [S::f32s; INPUTS]) -> [S::f32s; INPUTS] {
    let even_a = scaled_add(simd, -2.0, d[2], d[4]);
    let odd_a = scaled_add(simd, -2.0, d[1], d[3]);
    let even_b = scaled_add(simd, -0.5, d[2], d[4]);
    let odd_b = scaled_add(simd, -0.5, d[1], d[3]);
    [
        scaled_add(simd, -2.5, d[2], simd.add_f32s(d[0], d[4])),
        scaled_add(simd, A, odd_a, even_a),
        scaled_add(simd, -A, odd_a, even_a),
        scaled_add(simd, B, odd_b, even_b),
        scaled_add(simd, -B, odd_b, even_b),
        scaled_add(simd, -2.5, d[3], simd.add_f32s(d[1], d[5])),
    ]
}

/// `A^T m`.
#[inline(always)]
pub fn output_transform<S: Simd>(simd: S, m: [S::f32s; INPUTS]) -> [S::f32s; OUTPUTS] {
    let sum_a = simd.add_f32s(m[1], m[2]);
    let difference_a = simd.sub_f32s(m[1], m[2]);
    let sum_b = simd.add_f32s(m[3], m[4]);
    let difference_b = simd.sub_f32s(m[3], m[4]);
    [
        simd.add_f32s(m[0], simd.add_f32s(sum_a, sum_b)),
        scaled_add(simd, A, difference_a, simd.mul_f32s(simd.splat_f32s(B), difference_b)),
        scaled_add(simd, 0.5, sum_a, simd.add_f32s(sum_b, sum_b)),
        scaled_add(simd, A / 2.0, difference_a, scaled_add(simd, 2.0 * B, difference_b, m[5])),
    ]
}

/// `A y`.
#[inline(always)]
pub fn gradient_transform<S: Simd>(simd: S, y: [S::f32s; OUTPUTS]) -> [S::f32s; INPUTS] {
    let even_a = scaled_add(simd, 0.5, y[2], y[0]);
    let odd_a = scaled_add(simd, 0.5, y[3], y[1]);
    let even_b = scaled_add(simd, 2.0, y[2], y[0]);
    let odd_b = scaled_add(simd, 2.0, y[3], y[1]);
    [
        y[0],
        scaled_add(simd, A, odd_a, even_a),
        scaled_add(simd, -A, odd_a, even_a),
        scaled_add(simd, B, odd_b, even_b),
        scaled_add(simd, -B, odd_b, even_b),
        y[3],
    ]
}

/// Applies `map` to the columns and then to the rows of a vector of tiles of `I x I` elements. The
/// `O x O` elements of the result are written `PITCH` apart, row by row. `map` must be a closure
/// with `#[inline(always)]`: a plain function would be compiled for the narrowest vectors.
///
/// # Safety
/// A vector must be readable at every `read(i, j)` with `i, j < I`, and writable at every `to + k
/// PITCH` with `k < O * O`.
#[inline(always)]
pub unsafe fn transform_2d<S: Simd, const I: usize, const O: usize, const PITCH: usize>(
    simd: S,
    map: impl Fn([S::f32s; I]) -> [S::f32s; O],
    read: impl Fn(usize, usize) -> *const f32,
    to: *mut f32,
) {
    let mut half = [[simd.splat_f32s(0.0); O]; I];
    for (j, half) in half.iter_mut().enumerate() {
        let mut column = [simd.splat_f32s(0.0); I];
        for (i, value) in column.iter_mut().enumerate() {
            // SAFETY: the caller promises that a vector is readable there.
            *value = unsafe { load::<S>(read(i, j)) };
        }
        *half = map(column);
    }
    for i in 0..O {
        let mut row = [simd.splat_f32s(0.0); I];
        for (value, half) in row.iter_mut().zip(&half) {
            *value = half[i];
        }
        for (j, value) in map(row).into_iter().enumerate() {
            // SAFETY: the caller promises that a vector is writable there.
            unsafe { store::<S>(to.add((O * i + j) * PITCH), value) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::weights::kernel_transform;
    use super::*;
    use crate::reference::{close, values};
    use pulp::Scalar;

    /// `A^T [(G g) * (B^T d)]` is the sliding product of 3 weights with 6 inputs.
    #[test]
    fn four_outputs_of_three_weights() {
        let simd = Scalar::new();
        let d: [f32; INPUTS] = values(INPUTS, 1).try_into().expect("the size is right");
        let g: [f32; 3] = values(3, 2).try_into().expect("the size is right");
        let transformed = kernel_transform(g.map(|g| [g]));
        let inputs = input_transform(simd, d);
        let products = std::array::from_fn(|i| transformed[i][0] * inputs[i]);
        let expected: [f32; OUTPUTS] =
            std::array::from_fn(|y| (0..3).map(|k| g[k] * d[y + k]).sum());
        close(&output_transform(simd, products), &expected);
    }

    /// `A` is the transpose of `A^T`: `(A y) . m = y . (A^T m)`.
    #[test]
    fn the_gradient_transform_is_the_transpose_of_the_output_transform() {
        let simd = Scalar::new();
        let y: [f32; OUTPUTS] = values(OUTPUTS, 3).try_into().expect("the size is right");
        let m: [f32; INPUTS] = values(INPUTS, 4).try_into().expect("the size is right");
        let left: f32 = gradient_transform(simd, y).iter().zip(m).map(|(a, b)| a * b).sum();
        let right: f32 = output_transform(simd, m).iter().zip(y).map(|(a, b)| a * b).sum();
        close(&[left], &[right]);
    }
}
