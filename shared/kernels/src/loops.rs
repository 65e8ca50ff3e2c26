//! The two inner loops of every convolution, written once over all vector widths.

use super::simd::{fma, load, store};
use pulp::{Simd, WithSimd};
use std::ops::Deref;

/// How large a tile the processor holds in registers.
enum Registers {
    /// 32, and products are added in one operation: AVX-512.
    Many,
    /// 16 with such an operation (AVX2), or 32 without need of it (NEON).
    Some,
    /// 16, of which a product takes one before it is added: WASM.
    Few,
}

#[inline(always)]
fn registers<S: Simd>() -> Registers {
    match (S::REGISTER_COUNT, S::F32_LANES) {
        (32.., 16) => Registers::Many,
        (_, ..=4) if cfg!(target_family = "wasm") => Registers::Few,
        _ => Registers::Some,
    }
}

/// Output channels computed together. Packed weights are padded to a multiple of it.
pub const ROWS: usize = 8;

/// Where the rows of an input begin, and the last of these places, which bounds a loop's reach.
pub struct Offsets {
    starts: Vec<usize>,
    last: usize,
}

impl FromIterator<usize> for Offsets {
    fn from_iter<I: IntoIterator<Item = usize>>(starts: I) -> Self {
        let starts = Vec::from_iter(starts);
        let last = starts.iter().max().copied().unwrap_or(0);
        Self { starts, last }
    }
}

impl Deref for Offsets {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.starts
    }
}

/// `out[r][p] = sum_k weights[k][r] * input[offsets[k] + p]` for `r < ROWS`, `p < length`:
/// a matrix product whose right side is never built (every row is a shifted view of the input).
pub struct Shifted<'a> {
    /// One row of the input for every `k`: where it starts.
    pub offsets: &'a Offsets,
    /// `[k][ROWS]`.
    pub weights: &'a [f32],
    pub input: &'a [f32],
    /// `[ROWS][pitch]`, `pitch >= length + SLACK`.
    pub out: &'a mut [f32],
    pub pitch: usize,
    pub length: usize,
}

impl Shifted<'_> {
    /// One tile at `p`: `R` rows by `V` vectors of accumulators, from row `first`.
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
            unsafe {
                let from = self.input.as_ptr().add(offset + p);
                let mut x = [simd.splat_f32s(0.0); V];
                for (v, x) in x.iter_mut().enumerate() {
                    *x = load::<S>(from.add(v * lanes));
                }
                let w = self.weights.as_ptr().add(k * ROWS + first);
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
                unsafe {
                    let to = self.out.as_mut_ptr().add((first + r) * self.pitch + p + v * lanes);
                    store::<S>(to, *value);
                }
            }
        }
    }

    /// `R` rows from `first`, along the whole length in tiles of `V` vectors; the last is as narrow
    /// as it may be.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, first: usize) {
        let mut p = 0;
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

impl WithSimd for Shifted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let reach = self.length.next_multiple_of(S::F32_LANES);
        assert!(
            self.offsets.last + reach <= self.input.len(),
            "the input grid has too little slack"
        );
        assert!(reach <= self.pitch && self.out.len() >= (ROWS - 1) * self.pitch + reach);
        assert!(self.weights.len() >= self.offsets.len() * ROWS);
        // SAFETY: the assertions above bound every address of the loops.
        unsafe {
            match registers::<S>() {
                Registers::Many => self.rows::<S, 8, 3>(simd, 0),
                Registers::Some => {
                    self.rows::<S, 4, 3>(simd, 0);
                    self.rows::<S, 4, 3>(simd, 4);
                }
                Registers::Few => {
                    self.rows::<S, 4, 2>(simd, 0);
                    self.rows::<S, 4, 2>(simd, 4);
                }
            }
        }
    }
}

/// The sum of each vector.
#[inline(always)]
fn sums<S: Simd, const R: usize>(simd: S, vectors: [S::f32s; R]) -> [f32; R] {
    #[cfg(target_family = "wasm")]
    if S::F32_LANES == 4 && R <= 4 {
        // Four at once by shuffles.
        use std::arch::wasm32::{f32x4_add, f32x4_splat, u32x4_shuffle, v128};
        use std::mem::{transmute, transmute_copy};
        let mut four = [f32x4_splat(0.0); 4];
        // SAFETY: four lanes are 128 bits.
        (0..R).for_each(|r| four[r] = unsafe { transmute_copy::<_, v128>(&vectors[r]) });
        let half =
            |a, b| f32x4_add(u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<2, 6, 3, 7>(a, b));
        let (ab, cd) = (half(four[0], four[1]), half(four[2], four[3]));
        let all =
            f32x4_add(u32x4_shuffle::<0, 1, 4, 5>(ab, cd), u32x4_shuffle::<2, 3, 6, 7>(ab, cd));
        // SAFETY: a vector is four numbers.
        let all = unsafe { transmute::<v128, [f32; 4]>(all) };
        return std::array::from_fn(|r| all[r]);
    }
    // Not by `map`: its closure would be compiled for the oldest processor.
    let mut sums = [0.0; R];
    for (sum, vector) in sums.iter_mut().zip(vectors) {
        *sum = simd.reduce_sum_f32s(vector);
    }
    sums
}

/// `out[t][r] += sum_p gradient[r][p] * input[offsets[t] + p]` for `r < ROWS`: the weight
/// gradient of one input channel for `ROWS` output channels.
pub struct Correlate<'a> {
    pub offsets: &'a Offsets,
    pub input: &'a [f32],
    /// `[ROWS][pitch]`; zero wherever the grid has no output, up to a whole vector past `length`.
    pub gradient: &'a [f32],
    pub pitch: usize,
    pub length: usize,
    /// `[offsets.len()][ROWS]`.
    pub out: &'a mut [f32],
}

impl Correlate<'_> {
    #[inline(always)]
    unsafe fn taps<S: Simd, const T: usize, const R: usize>(
        &mut self,
        simd: S,
        t: usize,
        r: usize,
    ) {
        let mut acc = [[simd.splat_f32s(0.0); R]; T];
        let mut p = 0;
        while p < self.length {
            unsafe {
                // The taps first: with a register for each of the R rows there would be too few.
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
            let out = &mut self.out[(t + i) * ROWS + r..][..R];
            out.iter_mut().zip(sums(simd, acc)).for_each(|(out, sum)| *out += sum);
        }
    }

    /// `T` taps from `t` for all rows, `R` at once; returns `T`.
    #[inline(always)]
    unsafe fn all<S: Simd, const T: usize, const R: usize>(&mut self, simd: S, t: usize) -> usize {
        for r in (0..ROWS).step_by(R) {
            unsafe { self.taps::<S, T, R>(simd, t, r) };
        }
        T
    }

    /// Three taps for all rows by three and three and two: with two each there are too few sums to
    /// keep the processor busy while it waits for the last one.
    #[inline(always)]
    unsafe fn threes<S: Simd>(&mut self, simd: S, t: usize) -> usize {
        unsafe {
            self.taps::<S, 3, 3>(simd, t, 0);
            self.taps::<S, 3, 3>(simd, t, 3);
            self.taps::<S, 3, 2>(simd, t, 6);
        }
        3
    }
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let reach = self.length.next_multiple_of(S::F32_LANES);
        assert!(
            self.offsets.last + reach <= self.input.len(),
            "the input grid has too little slack"
        );
        assert!(reach <= self.pitch && self.gradient.len() >= (ROWS - 1) * self.pitch + reach);
        // Two at once leave no rest of a network's channels, three none of a kernel's nine taps.
        let even = self.offsets.len().is_multiple_of(2);
        let mut t = 0;
        // SAFETY: the assertions above bound every address of the loops.
        unsafe {
            while t < self.offsets.len() {
                let rest = self.offsets.len() - t;
                t += match registers::<S>() {
                    Registers::Many if rest >= 3 => self.all::<S, 3, 8>(simd, t),
                    Registers::Many => self.all::<S, 1, 8>(simd, t),
                    Registers::Some if rest >= 3 => self.all::<S, 3, 4>(simd, t),
                    Registers::Few if even => self.all::<S, 2, 4>(simd, t),
                    Registers::Few if rest >= 3 => self.threes(simd, t),
                    Registers::Some | Registers::Few => self.all::<S, 1, 4>(simd, t),
                };
            }
        }
    }
}
