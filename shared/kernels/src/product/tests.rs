//! Products against their definition.

use super::*;
use crate::reference::{close, values};
use crate::simd::{dispatch, padded};
use pulp::Arch;

/// The sums in the documentation of [`Product`], number by number.
fn by_definition(product: &Product) -> Vec<f32> {
    let Product { a, b, a_steps, b_steps, out_steps, .. } = product;
    let mut out = product.out.to_vec();
    for (i, start) in product.a_starts.iter().enumerate() {
        for row in 0..product.rows {
            for column in 0..product.columns {
                let mut sum = 0.0;
                for [s, t] in product.segments {
                    for k in 0..product.length {
                        let left = a[start + s + k * a_steps.term + row * a_steps.row];
                        let right = b[i * b_steps.batch + t + k * b_steps.term + column];
                        sum += left * right;
                    }
                }
                let to = &mut out[i * out_steps.batch + row * out_steps.row + column];
                *to = if product.accumulate { *to + sum } else { sum };
            }
        }
    }
    out
}

/// Compares two results of two segments. `columns` counts vectors.
fn check(rows: usize, columns: usize, rows_are_neighbours: bool, shares_b: bool, accumulate: bool) {
    let columns = columns * padded(1);
    let length = 5;
    // One number lies between neighbouring rows or terms, and between neighbouring rows of the result.
    let a_steps = if rows_are_neighbours {
        Steps { row: 1, term: rows + 1, batch: 0 }
    } else {
        Steps { row: length + 1, term: 1, batch: 0 }
    };
    let size = (rows + 1) * (length + 1);
    let a = values(3 * size, 1);
    let b = values(4 * length * columns, 2);
    let mut out = values(2 * rows * (columns + 1), 3);
    let product = Product {
        a: &a,
        b: &b,
        out: &mut out,
        segments: &[[0, 0], [size, length * columns]],
        length,
        rows,
        columns,
        a_starts: &[0, size],
        a_steps,
        b_steps: Steps {
            row: 0,
            term: columns,
            batch: if shares_b { 0 } else { 2 * length * columns },
        },
        out_steps: Steps { row: columns + 1, term: 0, batch: rows * (columns + 1) },
        accumulate,
    };
    let expected = by_definition(&product);
    dispatch(Arch::new(), product);
    close(&out, &expected);
}

/// The numbers of rows need tiles of every height, and the numbers of columns tiles of every width.
#[test]
fn products_agree_with_their_definition() {
    for rows in 1..=21 {
        for columns in [1, 2, 3, 4, 7] {
            for [rows_are_neighbours, shares_b] in [[false, false], [false, true], [true, false]] {
                check(rows, columns, rows_are_neighbours, shares_b, rows % 2 == 0);
            }
        }
    }
}

/// A product of one row and one vector, whose right factor has `length` numbers.
fn one_row(length: usize) -> f32 {
    let columns = padded(1);
    let mut out = vec![0.0; columns];
    let product = Product {
        a: &[2.0, 3.0],
        b: &vec![1.0; length],
        out: &mut out,
        segments: &[[0, 0]],
        length: 2,
        rows: 1,
        columns,
        a_starts: &[0],
        a_steps: Steps { row: 2, term: 1, batch: 0 },
        b_steps: Steps { term: columns, ..Steps::default() },
        out_steps: Steps { row: columns, ..Steps::default() },
        accumulate: false,
    };
    dispatch(Arch::new(), product);
    out[columns - 1]
}

#[test]
fn factors_may_be_as_short_as_what_is_read() {
    assert_eq!(one_row(2 * padded(1)), 5.0);
}

#[test]
#[should_panic(expected = "assertion failed")]
fn a_factor_that_is_too_short_is_refused() {
    one_row(2 * padded(1) - 1);
}
