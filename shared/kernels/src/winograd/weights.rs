//! Kernels of a convolution, transformed and back, [`ROWS`] output channels beside each other.

use super::tiles::{A, B, PLACES, REACH};
use crate::loops::ROWS;
use crate::par;
use crate::planes::Geometry;
use crate::simd::plain;
use pulp::Arch;

/// `G` along one direction, for kernels beside each other.
#[inline(always)]
fn widen<const N: usize>(g: [[f32; N]; 3]) -> [[f32; N]; REACH] {
    let mut wide = [[0.0; N]; REACH];
    for n in 0..N {
        let (even, odd) = ((g[0][n] + 0.5 * g[2][n]) / -1.5, A * g[1][n] / -1.5);
        let (even2, odd2) = ((g[0][n] + 2.0 * g[2][n]) / 6.0, B * g[1][n] / 6.0);
        let all = [g[0][n], even + odd, even - odd, even2 + odd2, even2 - odd2, g[2][n]];
        wide.iter_mut().zip(all).for_each(|(wide, value)| wide[n] = value);
    }
    wide
}

/// `G^T` along one direction, for kernels beside each other.
#[inline(always)]
fn narrow<const N: usize>(u: [[f32; N]; REACH]) -> [[f32; N]; 3] {
    let mut narrow = [[0.0; N]; 3];
    for n in 0..N {
        let (even, odd) = ((u[1][n] + u[2][n]) / -1.5, (u[1][n] - u[2][n]) / -1.5);
        let (even2, odd2) = ((u[3][n] + u[4][n]) / 6.0, (u[3][n] - u[4][n]) / 6.0);
        narrow[0][n] = u[0][n] + even + even2;
        narrow[1][n] = A * odd + B * odd2;
        narrow[2][n] = 0.5 * even + 2.0 * even2 + u[5][n];
    }
    narrow
}

/// Transformed kernels as [`Shifted`](crate::loops::Shifted) wants them:
/// `[block][place][cin][ROWS]`, zero past `cout`.
pub fn pack(
    cout: usize,
    cin: usize,
    weight: impl Fn(usize, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let mut packed = vec![0.0; cout.div_ceil(ROWS) * PLACES * cin * ROWS];
    let arch = Arch::new();
    par::change(&mut packed, PLACES * cin * ROWS, |block, packed| {
        let rows = ROWS.min(cout - block * ROWS);
        plain(
            arch,
            #[inline(always)]
            || {
                for ci in 0..cin {
                    let mut columns = [[[0.0; ROWS]; REACH]; 3];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let mut g = [[0.0; ROWS]; 3];
                        for (y, g) in g.iter_mut().enumerate() {
                            for (r, g) in g[..rows].iter_mut().enumerate() {
                                *g = weight(block * ROWS + r, ci, 3 * y + x);
                            }
                        }
                        *column = widen(g);
                    }
                    #[expect(clippy::needless_range_loop, reason = "rows of columns")]
                    for y in 0..REACH {
                        let row = widen([columns[0][y], columns[1][y], columns[2][y]]);
                        for (x, values) in row.iter().enumerate() {
                            let at = ((REACH * y + x) * cin + ci) * ROWS;
                            packed[at..at + ROWS].copy_from_slice(values);
                        }
                    }
                }
            },
        );
    });
    packed
}

/// `G^T u G` of sums `[block][place][cin][ROWS]`: `[cout, cin, 3, 3]`.
pub fn unpack(g: Geometry, sums: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; g.cout * g.cin * 9];
    let arch = Arch::new();
    par::change(&mut dw, ROWS * g.cin * 9, |block, dw| {
        let sums = &sums[block * PLACES * g.cin * ROWS..][..PLACES * g.cin * ROWS];
        plain(
            arch,
            #[inline(always)]
            || {
                for ci in 0..g.cin {
                    let mut columns = [[[0.0; ROWS]; 3]; REACH];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let mut u = [[0.0; ROWS]; REACH];
                        for (y, u) in u.iter_mut().enumerate() {
                            let at = ((REACH * y + x) * g.cin + ci) * ROWS;
                            u.copy_from_slice(&sums[at..at + ROWS]);
                        }
                        *column = narrow(u);
                    }
                    for y in 0..3 {
                        let mut row = [[0.0; ROWS]; REACH];
                        row.iter_mut().zip(&columns).for_each(|(to, column)| *to = column[y]);
                        let row = narrow(row);
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
