//! A matrix product whose right factor is never built: its rows are shifted views of one buffer.

use super::{BLOCK, Offsets, RegisterTile, register_tile};
use crate::simd::{fma, load, store};
use pulp::{Simd, WithSimd};

/// `out[r][p] = sum_k weights[k][r] * input[offsets[k] + p]` for `r < BLOCK`, `p < length`.
///
/// `out` is written up to `length` rounded up to a whole vector; what is written past `length` has
/// no meaning.
pub struct ShiftedProduct<'a> {
    /// For every `k`, the index at which its row of the input begins.
    pub offsets: &'a Offsets,
    /// `[k][BLOCK]`.
    pub weights: &'a [f32],
    /// Readable up to a whole vector past the last element that is used.
    pub input: &'a [f32],
    /// `[BLOCK][pitch]`, where `pitch` is at least `length` rounded up to a whole vector.
    pub out: &'a mut [f32],
    /// Distance between the rows of `out`.
    pub pitch: usize,
    /// Columns of the product.
    pub length: usize,
}

impl ShiftedProduct<'_> {
    /// One tile: `R` rows from `first` on, by `V` vectors from column `p` on.
    ///
    /// # Safety
    /// `first + R <= BLOCK`, and `V` vectors from column `p` on lie within `length` rounded up to a
    /// whole vector. The assertions of [`WithSimd::with_simd`] hold.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        first: usize,
        p: usize,
    ) {
        let lanes = S::F32_LANES;
        let mut acc = [[simd.splat_f32s(0.0); V]; R];
        for (k, &offset) in self.offsets.iter().enumerate() {
            // SAFETY: `offset + p + V * lanes` is at most the largest offset plus the rounded
            // length, which the input covers; `k * BLOCK + first + R` is at most the number of
            // weights.
            unsafe {
                let from = self.input.as_ptr().add(offset + p);
                let mut x = [simd.splat_f32s(0.0); V];
                for (v, x) in x.iter_mut().enumerate() {
                    *x = load::<S>(from.add(v * lanes));
                }
                let w = self.weights.as_ptr().add(k * BLOCK + first);
                for (r, acc) in acc.iter_mut().enumerate() {
                    let w = simd.splat_f32s(*w.add(r));
                    for v in 0..V {
                        acc[v] = fma(simd, w, x[v], acc[v]);
                    }
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            for (v, value) in acc.iter().enumerate() {
                // SAFETY: the row is below BLOCK and the vector ends within the rounded length,
                // which `out` covers.
                unsafe {
                    let to = self.out.as_mut_ptr().add((first + r) * self.pitch + p + v * lanes);
                    store::<S>(to, *value);
                }
            }
        }
    }

    /// `R` rows from `first` on, over the whole length in tiles of `V` vectors. The last tile has
    /// only as many vectors as are left.
    ///
    /// # Safety
    /// `first + R <= BLOCK` and `V <= 3`. The assertions of [`WithSimd::with_simd`] hold.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, first: usize) {
        let mut p = 0;
        // SAFETY: a tile has at most as many vectors as are left of the rounded length.
        unsafe {
            while p < self.length {
                match (self.length - p).div_ceil(S::F32_LANES) {
                    1 => self.tile::<S, R, 1>(simd, first, p),
                    2 => self.tile::<S, R, 2>(simd, first, p),
                    _ => self.tile::<S, R, V>(simd, first, p),
                }
                p += V * S::F32_LANES;
            }
        }
    }
}

impl WithSimd for ShiftedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rounded = self.length.next_multiple_of(S::F32_LANES);
        assert!(
            self.offsets.largest + rounded <= self.input.len(),
            "the input has too few elements after its last row"
        );
        assert!(rounded <= self.pitch && self.out.len() >= (BLOCK - 1) * self.pitch + rounded);
        assert!(self.weights.len() >= self.offsets.len() * BLOCK);
        // SAFETY: the assertions above bound every address of the loops.
        unsafe {
            match register_tile::<S>() {
                RegisterTile::Large => self.rows::<S, 8, 3>(simd, 0),
                RegisterTile::Medium => {
                    self.rows::<S, 4, 3>(simd, 0);
                    self.rows::<S, 4, 3>(simd, 4);
                }
                RegisterTile::Small => {
                    self.rows::<S, 4, 2>(simd, 0);
                    self.rows::<S, 4, 2>(simd, 4);
                }
            }
        }
    }
}
