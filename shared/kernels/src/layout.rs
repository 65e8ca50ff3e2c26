//! The order of the numbers of images: channels first, `[n, channels, pixels]`, or last, `[n, pixels, channels]`.

use crate::par;
use std::mem::MaybeUninit;

/// The transposes of `n` matrices `[rows, columns]`: `[n, columns, rows]`.
pub fn transposed(x: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let size = rows * columns;
    assert!(size > 0 || x.is_empty(), "numbers of empty matrices");
    let work = |n: usize, to: &mut [MaybeUninit<f32>]| {
        let from = &x[n * size..][..size];
        // Blocks of rows, so that what is read stays in the first-level cache until all of it is used.
        for first in (0..rows).step_by(BLOCK) {
            let count = BLOCK.min(rows - first);
            for column in 0..columns {
                let to = &mut to[column * rows + first..][..count];
                let from = from[first * columns + column..].iter().step_by(columns);
                for (to, &value) in to.iter_mut().zip(from) {
                    to.write(value);
                }
            }
        }
    };
    // SAFETY: every element of the transpose is written.
    unsafe { par::build(x.len(), size.max(1), work).0 }
}

/// Rows that are transposed together.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let x: Vec<f32> = (0..2 * 3 * 40).map(|v| v as f32).collect();
        let y = transposed(&x, [3, 40]);
        for n in 0..2 {
            for row in 0..3 {
                for column in 0..40 {
                    assert_eq!(y[n * 120 + column * 3 + row], x[n * 120 + row * 40 + column]);
                }
            }
        }
        assert_eq!(transposed(&y, [40, 3]), x);
        assert!(transposed(&[], [3, 0]).is_empty());
    }
}
