//! The transform of kernels, `G g G^T`, and of their gradients, `G^T u G`, for [`BLOCK`] output
//! channels at once. The matrices are in [`matrices`](super::matrices).

use super::matrices::{A, B, ELEMENTS, INPUTS};
use crate::geometry::Geometry;
use crate::loops::BLOCK;
use crate::par;
use crate::simd::auto_vectorised;
use pulp::Arch;

/// `G g`, for `N` kernels at once.
#[inline(always)]
pub fn kernel_transform<const N: usize>(g: [[f32; N]; 3]) -> [[f32; N]; INPUTS] {
    let mut transformed = [[0.0; N]; INPUTS];
    for n in 0..N {
        let even_a = (g[0][n] + 0.5 * g[2][n]) / -1.5;
        let odd_a = A * g[1][n] / -1.5;
        let even_b = (g[0][n] + 2.0 * g[2][n]) / 6.0;
        let odd_b = B * g[1][n] / 6.0;
        let all =
            [g[0][n], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2][n]];
        transformed.iter_mut().zip(all).for_each(|(to, value)| to[n] = value);
    }
    transformed
}

/// `G^T u`, for `N` kernels at once.
#[inline(always)]
fn kernel_gradient_transform<const N: usize>(u: [[f32; N]; INPUTS]) -> [[f32; N]; 3] {
    let mut gradient = [[0.0; N]; 3];
    for n in 0..N {
        let even_a = (u[1][n] + u[2][n]) / -1.5;
        let odd_a = (u[1][n] - u[2][n]) / -1.5;
        let even_b = (u[3][n] + u[4][n]) / 6.0;
        let odd_b = (u[3][n] - u[4][n]) / 6.0;
        gradient[0][n] = u[0][n] + even_a + even_b;
        gradient[1][n] = A * odd_a + B * odd_b;
        gradient[2][n] = 0.5 * even_a + 2.0 * even_b + u[5][n];
    }
    gradient
}

/// Transformed kernels in the order of [`ShiftedProduct`](crate::loops::ShiftedProduct):
/// `[block][element][cin][BLOCK]`, zero past `cout`. `weight(co, ci, tap)` is a weight of the
/// convolution.
pub fn pack(
    cout: usize,
    cin: usize,
    weight: impl Fn(usize, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let mut packed = vec![0.0; cout.div_ceil(BLOCK) * ELEMENTS * cin * BLOCK];
    let arch = Arch::new();
    par::for_each_chunk(&mut packed, ELEMENTS * cin * BLOCK, |block, packed| {
        let rows = BLOCK.min(cout - block * BLOCK);
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for ci in 0..cin {
                    let mut columns = [[[0.0; BLOCK]; INPUTS]; 3];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let mut g = [[0.0; BLOCK]; 3];
                        for (y, g) in g.iter_mut().enumerate() {
                            for (r, g) in g[..rows].iter_mut().enumerate() {
                                *g = weight(block * BLOCK + r, ci, 3 * y + x);
                            }
                        }
                        *column = kernel_transform(g);
                    }
                    #[expect(clippy::needless_range_loop, reason = "rows of columns")]
                    for y in 0..INPUTS {
                        let row = kernel_transform([columns[0][y], columns[1][y], columns[2][y]]);
                        for (x, values) in row.iter().enumerate() {
                            let at = ((INPUTS * y + x) * cin + ci) * BLOCK;
                            packed[at..at + BLOCK].copy_from_slice(values);
                        }
                    }
                }
            },
        );
    });
    packed
}

/// `G^T u G` of sums `[block][element][cin][BLOCK]`: `[cout, cin, 3, 3]`.
pub fn unpack(g: Geometry, sums: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; g.cout * g.cin * 9];
    let arch = Arch::new();
    par::for_each_chunk(&mut dw, BLOCK * g.cin * 9, |block, dw| {
        let sums = &sums[block * ELEMENTS * g.cin * BLOCK..][..ELEMENTS * g.cin * BLOCK];
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for ci in 0..g.cin {
                    let mut columns = [[[0.0; BLOCK]; 3]; INPUTS];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let mut u = [[0.0; BLOCK]; INPUTS];
                        for (y, u) in u.iter_mut().enumerate() {
                            let at = ((INPUTS * y + x) * g.cin + ci) * BLOCK;
                            u.copy_from_slice(&sums[at..at + BLOCK]);
                        }
                        *column = kernel_gradient_transform(u);
                    }
                    for y in 0..3 {
                        let mut row = [[0.0; BLOCK]; INPUTS];
                        row.iter_mut().zip(&columns).for_each(|(to, column)| *to = column[y]);
                        let row = kernel_gradient_transform(row);
                        for (r, dw) in dw.chunks_exact_mut(g.cin * 9).enumerate() {
                            let at = ci * 9 + 3 * y;
                            dw[at..at + 3].copy_from_slice(&[row[0][r], row[1][r], row[2][r]]);
                        }
                    }
                }
            },
        );
    });
    dw
}
