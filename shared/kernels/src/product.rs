//! The inner loop of every convolution: a sum of products of small matrices, written once for all vector
//! widths.

use crate::simd::{FEW_VARIANTS, fma, load, store};
use pulp::{Simd, WithSimd};
use std::ops::Range;

#[cfg(test)]
mod tests;

/// For every result `i`, every row `r < rows` and every column `j < columns`, the sum over the segments `[s, t]` and
/// the terms `k < length` of
///
/// ```text
/// a[a_starts[i] + s + k a_steps.term + r a_steps.row] b[i b_steps.batch + t + k b_steps.term + j]
/// ```
///
/// is written to `out[i out_steps.batch + r out_steps.row + j]`, or added to it. `a` is read number by number and `b`
/// vector by vector, so `columns` is a multiple of the lanes of a vector (of two vectors with
/// [`FEW_VARIANTS`]).
pub struct Product<'a> {
    /// Left factor.
    pub a: &'a [f32],
    /// Right factor.
    pub b: &'a [f32],
    /// Result.
    pub out: &'a mut [f32],
    /// Where each segment begins in `a_i` and in `b_i`.
    pub segments: &'a [[usize; 2]],
    /// Terms of a segment.
    pub length: usize,
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result, a multiple of the lanes of a vector.
    pub columns: usize,
    /// Index at which each `a_i` begins. The batch has as many results.
    pub a_starts: &'a [usize],
    /// Distances in `a`, one of which is 1; its `batch` is not used.
    pub a_steps: Steps,
    /// Distances in `b`; its `row` is not used.
    pub b_steps: Steps,
    /// Distances in `out`; its `term` is not used.
    pub out_steps: Steps,
    /// Whether the products are added to what `out` holds.
    pub accumulate: bool,
}

/// Distances between the numbers of a factor or result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    /// Between neighbouring rows.
    pub row: usize,
    /// Between neighbouring terms of the sum.
    pub term: usize,
    /// Between neighbouring results.
    pub batch: usize,
}

/// One result of the batch.
#[derive(Clone, Copy)]
struct Place {
    a: *const f32,
    b: *const f32,
    out: *mut f32,
}

impl Product<'_> {
    /// `G` groups of `R` rows from `row` on, by `V` vectors from column `column` on. (The compiler keeps the
    /// sums of 16 rows in registers only if they are two groups of 8.)
    ///
    /// # Safety
    /// The rows and columns exist, and the assertions of [`WithSimd::with_simd`] hold.
    #[inline(always)]
    unsafe fn tile<S: Simd, const ROWS: bool, const G: usize, const R: usize, const V: usize>(
        &self,
        simd: S,
        place: Place,
        row: usize,
        column: usize,
    ) {
        let lanes = S::F32_LANES;
        let [a_row, a_term] = self.a_distances::<ROWS>();
        let out_row = self.out_steps.row;
        let mut sums = [[[simd.splat_f32s(0.0); V]; R]; G];
        // SAFETY: the caller promises that all of these numbers lie in the factors and the result.
        unsafe {
            let out = place.out.add(row * out_row + column);
            if self.accumulate {
                for (g, sums) in sums.iter_mut().enumerate() {
                    for (r, sums) in sums.iter_mut().enumerate() {
                        for (v, sum) in sums.iter_mut().enumerate() {
                            *sum = load::<S>(out.add((g * R + r) * out_row + v * lanes));
                        }
                    }
                }
            }
            for &[a, b] in self.segments {
                let mut a = place.a.add(a + row * a_row);
                let mut b = place.b.add(b + column);
                for _ in 0..self.length {
                    let mut vectors = [simd.splat_f32s(0.0); V];
                    for (v, vector) in vectors.iter_mut().enumerate() {
                        *vector = load::<S>(b.add(v * lanes));
                    }
                    for (g, sums) in sums.iter_mut().enumerate() {
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let factor = simd.splat_f32s(*a.add((g * R + r) * a_row));
                            for (sum, vector) in sums.iter_mut().zip(vectors) {
                                *sum = fma(simd, factor, vector, *sum);
                            }
                        }
                    }
                    a = a.wrapping_add(a_term);
                    b = b.wrapping_add(self.b_steps.term);
                }
            }
            for (g, sums) in sums.iter().enumerate() {
                for (r, sums) in sums.iter().enumerate() {
                    for (v, sum) in sums.iter().enumerate() {
                        store::<S>(out.add((g * R + r) * out_row + v * lanes), *sum);
                    }
                }
            }
        }
    }

    /// Distances between rows and between terms of `a`. One of them is 1: then the compiler needs fewer
    /// registers for addresses.
    #[inline(always)]
    fn a_distances<const ROWS: bool>(&self) -> [usize; 2] {
        if ROWS { [1, self.a_steps.term] } else { [self.a_steps.row, 1] }
    }

    /// All rows of some results by `V` vectors from column `column` on, in tiles of `G` times `R` rows; the rest in
    /// smaller tiles.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn rows<S: Simd, const ROWS: bool, const G: usize, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        results: Range<usize>,
        column: usize,
    ) {
        for result in results {
            let mut row = 0;
            // SAFETY: a tile has at most as many rows as are left.
            unsafe {
                let place = self.place(result);
                while row + G * R <= self.rows {
                    self.tile::<S, ROWS, G, R, V>(simd, place, row, column);
                    row += G * R;
                }
                if G > 1 && row + R <= self.rows {
                    self.tile::<S, ROWS, 1, R, V>(simd, place, row, column);
                    row += R;
                }
                if R > 4 && row + 4 <= self.rows {
                    self.tile::<S, ROWS, 1, 4, V>(simd, place, row, column);
                    row += 4;
                }
                while row < self.rows {
                    self.tile::<S, ROWS, 1, 1, V>(simd, place, row, column);
                    row += 1;
                }
            }
        }
    }

    /// The addresses of result `i` of the batch and of its factors.
    ///
    /// # Safety
    /// There is such a result.
    #[inline(always)]
    unsafe fn place(&mut self, i: usize) -> Place {
        // SAFETY: the caller's promise.
        unsafe {
            Place {
                a: self.a.as_ptr().add(self.a_starts[i]),
                b: self.b.as_ptr().add(i * self.b_steps.batch),
                out: self.out.as_mut_ptr().add(i * self.out_steps.batch),
            }
        }
    }

    /// Some results of the batch, column by column: if they have the same right factor, its columns are read from
    /// memory once.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn results<S: Simd, const ROWS: bool>(&mut self, simd: S, results: Range<usize>) {
        let lanes = S::F32_LANES;
        // 32 registers of 16 numbers: AVX-512. Else 16 registers (AVX2, WASM), or narrow ones (NEON).
        let large = S::REGISTER_COUNT >= 32 && lanes == 16;
        let mut column = 0;
        // SAFETY: a tile has at most as many vectors as are left of the columns.
        unsafe {
            while column < self.columns {
                let left = (self.columns - column) / lanes;
                column += lanes
                    * match (large, left) {
                        _ if FEW_VARIANTS => {
                            self.rows::<S, ROWS, 1, 4, 2>(simd, results.clone(), column);
                            2
                        }
                        (true, 4..) => {
                            self.rows::<S, ROWS, 1, 4, 4>(simd, results.clone(), column);
                            4
                        }
                        (true, 2..) => {
                            self.rows::<S, ROWS, 1, 8, 2>(simd, results.clone(), column);
                            2
                        }
                        (true, _) => {
                            self.rows::<S, ROWS, 2, 8, 1>(simd, results.clone(), column);
                            1
                        }
                        (false, 2..) => {
                            self.rows::<S, ROWS, 1, 4, 2>(simd, results.clone(), column);
                            2
                        }
                        (false, _) => {
                            self.rows::<S, ROWS, 1, 8, 1>(simd, results.clone(), column);
                            1
                        }
                    };
            }
        }
    }

    /// Elements that the loops touch in `[a, b, out]`, counted from the first. `None` if one of the numbers does not
    /// fit, which may happen where `usize` has 32 bits.
    fn extents(&self) -> Option<[usize; 3]> {
        let last = |distance: usize, count: usize| distance.checked_mul(count.checked_sub(1)?);
        let start = |i: usize| self.segments.iter().map(|segment| segment[i]).max().unwrap_or(0);
        let a_start = self.a_starts.iter().max().copied().unwrap_or(0);
        let batch = self.a_starts.len();
        let sum = |numbers: [Option<usize>; 4]| {
            numbers.into_iter().try_fold(0usize, |sum, number| sum.checked_add(number?))
        };
        let terms = |steps: Steps| last(steps.term, self.length);
        let rows = |steps: Steps| last(steps.row, self.rows);
        let results = |steps: Steps| last(steps.batch, batch);
        let a = [a_start.checked_add(start(0)), terms(self.a_steps), rows(self.a_steps), Some(1)];
        let b = [Some(start(1)), terms(self.b_steps), results(self.b_steps), Some(self.columns)];
        let out = [rows(self.out_steps), results(self.out_steps), Some(self.columns), Some(0)];
        Some([sum(a)?, sum(b)?, sum(out)?])
    }

    /// All results.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn all<S: Simd, const ROWS: bool>(&mut self, simd: S) {
        let batch = self.a_starts.len();
        // SAFETY: the caller's promise.
        unsafe {
            if self.b_steps.batch == 0 {
                return self.results::<S, ROWS>(simd, 0..batch);
            }
            for i in 0..batch {
                self.results::<S, ROWS>(simd, i..i + 1);
            }
        }
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.rows * self.columns * self.a_starts.len() == 0 {
            return;
        }
        assert!(self.a_steps.row == 1 || self.a_steps.term == 1);
        let unit = if FEW_VARIANTS { 2 } else { 1 } * S::F32_LANES;
        assert!(self.length > 0 && self.columns.is_multiple_of(unit));
        let [a, b, out] = self.extents().expect("an index fits in usize");
        assert!(a <= self.a.len() && b <= self.b.len() && out <= self.out.len());
        // SAFETY: the assertions above bound every number that the loops touch.
        unsafe {
            if self.a_steps.row == 1 {
                self.all::<S, true>(simd);
            } else {
                self.all::<S, false>(simd);
            }
        }
    }
}
