//! Sums of products of a gradient with shifted views of an input.

use super::{BLOCK, Offsets, RegisterTile, register_tile};
use crate::simd::{fma, load};
use pulp::{Simd, WithSimd};

/// `out[t][r] += sum_p gradient[r][p] * input[offsets[t] + p]` for `r < BLOCK`: the weight gradient
/// of one input channel for `BLOCK` output channels.
pub struct Correlation<'a> {
    /// For every tap `t`, the index at which its view of the input begins.
    pub offsets: &'a Offsets,
    /// Readable up to a whole vector past the last element that is used.
    pub input: &'a [f32],
    /// `[BLOCK][pitch]`; zero where a grid has no output, up to `length` rounded up to a whole
    /// vector.
    pub gradient: &'a [f32],
    /// Distance between the rows of `gradient`.
    pub pitch: usize,
    /// Elements to sum over.
    pub length: usize,
    /// `[offsets.len()][BLOCK]`.
    pub out: &'a mut [f32],
}

impl Correlation<'_> {
    /// `T` taps from `t` on, for `R` rows from `r` on.
    ///
    /// # Safety
    /// `t + T <= offsets.len()` and `r + R <= BLOCK`. The assertions of [`WithSimd::with_simd`]
    /// hold.
    #[inline(always)]
    unsafe fn tile<S: Simd, const T: usize, const R: usize>(
        &mut self,
        simd: S,
        t: usize,
        r: usize,
    ) {
        let mut acc = [[simd.splat_f32s(0.0); R]; T];
        let mut p = 0;
        while p < self.length {
            // SAFETY: `p` plus a vector is at most the rounded length. The input covers it from
            // every offset, the gradient in every row.
            unsafe {
                // The taps are loaded first: a register for each of the R rows would be too many.
                let mut x = [simd.splat_f32s(0.0); T];
                for (i, x) in x.iter_mut().enumerate() {
                    *x = load::<S>(self.input.as_ptr().add(self.offsets[t + i] + p));
                }
                #[expect(clippy::needless_range_loop, reason = "columns of acc, not rows")]
                for j in 0..R {
                    let g = load::<S>(self.gradient.as_ptr().add((r + j) * self.pitch + p));
                    for i in 0..T {
                        acc[i][j] = fma(simd, x[i], g, acc[i][j]);
                    }
                }
            }
            p += S::F32_LANES;
        }
        for (i, acc) in acc.into_iter().enumerate() {
            let out = &mut self.out[(t + i) * BLOCK + r..][..R];
            out.iter_mut().zip(lane_sums(simd, acc)).for_each(|(out, sum)| *out += sum);
        }
    }

    /// `T` taps from `t` on for all rows, `R` rows at a time; returns `T`.
    ///
    /// # Safety
    /// `t + T <= offsets.len()`, and `R` divides `BLOCK`. The assertions of [`WithSimd::with_simd`]
    /// hold.
    #[inline(always)]
    unsafe fn all_rows<S: Simd, const T: usize, const R: usize>(
        &mut self,
        simd: S,
        t: usize,
    ) -> usize {
        for r in (0..BLOCK).step_by(R) {
            // SAFETY: the taps by the caller's promise; `r + R <= BLOCK` because R divides BLOCK.
            unsafe { self.tile::<S, T, R>(simd, t, r) };
        }
        T
    }

    /// Three taps from `t` on for all rows: three, three and two rows at a time. With two rows each
    /// time there would be too few independent sums to hide the latency of an addition. Returns 3.
    ///
    /// # Safety
    /// `t + 3 <= offsets.len()`. The assertions of [`WithSimd::with_simd`] hold.
    #[inline(always)]
    unsafe fn three_taps<S: Simd>(&mut self, simd: S, t: usize) -> usize {
        // SAFETY: the taps by the caller's promise; the rows are 0..3, 3..6 and 6..8.
        unsafe {
            self.tile::<S, 3, 3>(simd, t, 0);
            self.tile::<S, 3, 3>(simd, t, 3);
            self.tile::<S, 3, 2>(simd, t, 6);
        }
        3
    }
}

impl WithSimd for Correlation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rounded = self.length.next_multiple_of(S::F32_LANES);
        assert!(
            self.offsets.largest + rounded <= self.input.len(),
            "the input has too few elements after its last row"
        );
        assert!(rounded <= self.pitch && self.gradient.len() >= (BLOCK - 1) * self.pitch + rounded);
        // Pairs of taps divide an even number without rest, groups of three the nine taps of a
        // kernel.
        let even = self.offsets.len().is_multiple_of(2);
        let mut t = 0;
        // SAFETY: the assertions above bound every address of the loops, and no more taps are taken
        // than are left: `rest >= 3` for three, and an even rest above 0 for two.
        unsafe {
            while t < self.offsets.len() {
                let rest = self.offsets.len() - t;
                t += match register_tile::<S>() {
                    RegisterTile::Large if rest >= 3 => self.all_rows::<S, 3, 8>(simd, t),
                    RegisterTile::Large => self.all_rows::<S, 1, 8>(simd, t),
                    RegisterTile::Medium if rest >= 3 => self.all_rows::<S, 3, 4>(simd, t),
                    RegisterTile::Small if even => self.all_rows::<S, 2, 4>(simd, t),
                    RegisterTile::Small if rest >= 3 => self.three_taps(simd, t),
                    RegisterTile::Medium | RegisterTile::Small => self.all_rows::<S, 1, 4>(simd, t),
                };
            }
        }
    }
}

/// The sum of the lanes of each vector.
#[inline(always)]
fn lane_sums<S: Simd, const R: usize>(simd: S, vectors: [S::f32s; R]) -> [f32; R] {
    #[cfg(target_family = "wasm")]
    if S::F32_LANES == 4 && R <= 4 {
        // Four vectors at once by shuffles.
        use std::arch::wasm32::{f32x4_add, f32x4_splat, u32x4_shuffle, v128};
        use std::mem::{transmute, transmute_copy};
        let mut four = [f32x4_splat(0.0); 4];
        // SAFETY: four lanes of 32 bits are the 128 bits of `v128`.
        (0..R).for_each(|r| four[r] = unsafe { transmute_copy::<_, v128>(&vectors[r]) });
        let half =
            |a, b| f32x4_add(u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<2, 6, 3, 7>(a, b));
        let ab = half(four[0], four[1]);
        let cd = half(four[2], four[3]);
        let all =
            f32x4_add(u32x4_shuffle::<0, 1, 4, 5>(ab, cd), u32x4_shuffle::<2, 3, 6, 7>(ab, cd));
        // SAFETY: a vector of 128 bits is four numbers of 32 bits.
        let all = unsafe { transmute::<v128, [f32; 4]>(all) };
        return std::array::from_fn(|r| all[r]);
    }
    // Not `array::map`: its closure would be compiled without the processor's extensions.
    let mut sums = [0.0; R];
    for (sum, vector) in sums.iter_mut().zip(vectors) {
        *sum = simd.reduce_sum_f32s(vector);
    }
    sums
}
