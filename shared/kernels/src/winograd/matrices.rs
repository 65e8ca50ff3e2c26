//! The matrices of F(4x4, 3x3), each applied to whole vectors of channels.
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
//! They are applied in `weights`, `tiles` and `output`, to a vector of neighbouring channels at once.
//!
//! Transformed tiles are stored as `[element][tile][channel]`.

use crate::simd::fma;
use pulp::Simd;
pub use std::f32::consts::{FRAC_1_SQRT_2 as A, SQRT_2 as B};

/// Outputs of a tile along a side.
pub const OUTPUTS: usize = 4;

/// Inputs of a tile along a side.
pub const INPUTS: usize = OUTPUTS + 2;

/// Elements of a transformed tile.
pub const ELEMENTS: usize = INPUTS * INPUTS;

/// Weights of a kernel along a side.
pub const KERNEL: usize = 3;

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

/// `G g`.
#[inline(always)]
pub fn kernel_transform<S: Simd>(simd: S, g: [S::f32s; KERNEL]) -> [S::f32s; INPUTS] {
    let scaled = |c: f32, x| simd.mul_f32s(simd.splat_f32s(c), x);
    let even_a = scaled(-2.0 / 3.0, scaled_add(simd, 0.5, g[2], g[0]));
    let even_b = scaled(1.0 / 6.0, scaled_add(simd, 2.0, g[2], g[0]));
    [
        g[0],
        scaled_add(simd, -2.0 / 3.0 * A, g[1], even_a),
        scaled_add(simd, 2.0 / 3.0 * A, g[1], even_a),
        scaled_add(simd, B / 6.0, g[1], even_b),
        scaled_add(simd, -B / 6.0, g[1], even_b),
        g[2],
    ]
}

/// `G^T u`.
#[inline(always)]
pub fn kernel_gradient_transform<S: Simd>(simd: S, u: [S::f32s; INPUTS]) -> [S::f32s; KERNEL] {
    let scaled = |c: f32, x| simd.mul_f32s(simd.splat_f32s(c), x);
    let even_a = scaled(-2.0 / 3.0, simd.add_f32s(u[1], u[2]));
    let odd_a = scaled(-2.0 / 3.0 * A, simd.sub_f32s(u[1], u[2]));
    let even_b = scaled(1.0 / 6.0, simd.add_f32s(u[3], u[4]));
    let odd_b = scaled(B / 6.0, simd.sub_f32s(u[3], u[4]));
    [
        simd.add_f32s(u[0], simd.add_f32s(even_a, even_b)),
        simd.add_f32s(odd_a, odd_b),
        scaled_add(simd, 0.5, even_a, scaled_add(simd, 2.0, even_b, u[5])),
    ]
}

/// Applies `map` to the columns and then to the rows of a tile of `I x I` elements, for a vector of channels.
/// `write(i, j, value)` takes the `O x O` elements of the result. The closures must be `#[inline(always)]`: a
/// plain function would be compiled for the narrowest vectors.
#[inline(always)]
pub fn transform_2d<S: Simd, const I: usize, const O: usize>(
    simd: S,
    map: impl Fn([S::f32s; I]) -> [S::f32s; O],
    read: impl Fn(usize, usize) -> S::f32s,
    mut write: impl FnMut(usize, usize, S::f32s),
) {
    let mut half = [[simd.splat_f32s(0.0); O]; I];
    for (j, half) in half.iter_mut().enumerate() {
        let mut column = [simd.splat_f32s(0.0); I];
        for (i, value) in column.iter_mut().enumerate() {
            *value = read(i, j);
        }
        *half = map(column);
    }
    for i in 0..O {
        let mut row = [simd.splat_f32s(0.0); I];
        for (value, half) in row.iter_mut().zip(&half) {
            *value = half[i];
        }
        for (j, value) in map(row).into_iter().enumerate() {
            write(i, j, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{close, values};
    use pulp::Scalar;

    /// `A^T [(G g) * (B^T d)]` is the sliding product of 3 weights with 6 inputs.
    #[test]
    fn four_outputs_of_three_weights() {
        let simd = Scalar::new();
        let d: [f32; INPUTS] = values(INPUTS, 1).try_into().expect("the size is right");
        let g: [f32; KERNEL] = values(KERNEL, 2).try_into().expect("the size is right");
        let transformed = kernel_transform(simd, g);
        let inputs = input_transform(simd, d);
        let products = std::array::from_fn(|i| transformed[i] * inputs[i]);
        let expected: [f32; OUTPUTS] =
            std::array::from_fn(|y| (0..3).map(|k| g[k] * d[y + k]).sum());
        close(&output_transform(simd, products), &expected);
    }

    /// `(G g) . u = g . (G^T u)`.
    #[test]
    fn the_transform_of_kernel_gradients_is_the_transpose_of_that_of_kernels() {
        let simd = Scalar::new();
        let g: [f32; KERNEL] = values(KERNEL, 5).try_into().expect("the size is right");
        let u: [f32; INPUTS] = values(INPUTS, 6).try_into().expect("the size is right");
        let left: f32 = kernel_transform(simd, g).iter().zip(u).map(|(a, b)| a * b).sum();
        let right: f32 = kernel_gradient_transform(simd, u).iter().zip(g).map(|(a, b)| a * b).sum();
        close(&[left], &[right]);
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
