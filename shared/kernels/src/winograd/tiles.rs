//! The linear maps between images and transformed tiles, each over whole
//! vectors of tiles.
//!
//! Polynomials of degree 5 are evaluated at 0, ±a, ±b and infinity with `a = 1/sqrt(2)`, `b = sqrt(2)`:
//! as `ab = 1`, nothing grows much. Over 64 channels of normal numbers the largest rounding error is
//! twice that of direct sums, and five times with the points 1 and 2 of the original paper.
//!
//! Transformed tiles lie channel by channel and place by place, `[channel][place][PITCH]`, and the
//! tiles of an image row by row without gaps. A vector may write past the end of a row of tiles: what
//! comes next in the order of images, or the slack at the end, lies there.

use crate::shuffle::deal;
use crate::simd::{SLACK, fma, load, store};
use pulp::{Simd, WithSimd};
pub use std::f32::consts::{FRAC_1_SQRT_2 as A, SQRT_2 as B};
use std::ops::Range;

/// Outputs of a tile along a side.
pub const SIDE: usize = 4;

/// Inputs of a tile along a side, and places of a transformed one.
pub const REACH: usize = SIDE + 2;

/// Places of a transformed tile.
pub const PLACES: usize = REACH * REACH;

/// Tiles beside each other in an image, at most.
pub const WIDEST: usize = 32;

/// `c a + b`.
#[inline(always)]
fn more<S: Simd>(simd: S, c: f32, a: S::f32s, b: S::f32s) -> S::f32s {
    fma(simd, simd.splat_f32s(c), a, b)
}

/// `B^T` along one direction.
#[inline(always)]
fn enter<S: Simd>(simd: S, d: [S::f32s; REACH]) -> [S::f32s; REACH] {
    let (even, odd) = (more(simd, -2.0, d[2], d[4]), more(simd, -2.0, d[1], d[3]));
    let (even2, odd2) = (more(simd, -0.5, d[2], d[4]), more(simd, -0.5, d[1], d[3]));
    [
        more(simd, -2.5, d[2], simd.add_f32s(d[0], d[4])),
        more(simd, A, odd, even),
        more(simd, -A, odd, even),
        more(simd, B, odd2, even2),
        more(simd, -B, odd2, even2),
        more(simd, -2.5, d[3], simd.add_f32s(d[1], d[5])),
    ]
}

/// `A^T` along one direction.
#[inline(always)]
fn leave<S: Simd>(simd: S, m: [S::f32s; REACH]) -> [S::f32s; SIDE] {
    let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    let (sum2, difference2) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
    [
        simd.add_f32s(m[0], simd.add_f32s(sum, sum2)),
        more(simd, A, difference, simd.mul_f32s(simd.splat_f32s(B), difference2)),
        more(simd, 0.5, sum, simd.add_f32s(sum2, sum2)),
        more(simd, A / 2.0, difference, more(simd, 2.0 * B, difference2, m[5])),
    ]
}

/// `A` along one direction.
#[inline(always)]
fn widen<S: Simd>(simd: S, y: [S::f32s; SIDE]) -> [S::f32s; REACH] {
    let (even, odd) = (more(simd, 0.5, y[2], y[0]), more(simd, 0.5, y[3], y[1]));
    let (even2, odd2) = (more(simd, 2.0, y[2], y[0]), more(simd, 2.0, y[3], y[1]));
    [
        y[0],
        more(simd, A, odd, even),
        more(simd, -A, odd, even),
        more(simd, B, odd2, even2),
        more(simd, -B, odd2, even2),
        y[3],
    ]
}

/// A linear map along both directions of tiles of `I x I` places, a vector of them: to `O x O` places
/// `PITCH` apart, row by row. `map` is to be a closure that is always inlined: a plain function here
/// would be compiled for the narrowest vectors.
///
/// # Safety
/// `read(i, j)` is where a vector begins, and so is every `to + k PITCH`.
#[inline(always)]
unsafe fn along_both<S: Simd, const I: usize, const O: usize, const PITCH: usize>(
    simd: S,
    map: impl Fn([S::f32s; I]) -> [S::f32s; O],
    read: impl Fn(usize, usize) -> *const f32,
    to: *mut f32,
) {
    let mut half = [[simd.splat_f32s(0.0); O]; I];
    for (j, half) in half.iter_mut().enumerate() {
        let mut column = [simd.splat_f32s(0.0); I];
        for (i, value) in column.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
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
            // SAFETY: as above.
            unsafe { store::<S>(to.add((O * i + j) * PITCH), value) }
        }
    }
}

/// Rows of one channel of an image, padded by a pixel, their columns dealt out by fours, so that the
/// tiles of a row are neighbours: `[row][column mod 4][column / 4]` of the padded image.
pub struct Spread(Vec<f32>);

impl Spread {
    /// Distance between the columns of a row; known beforehand, so that addresses are simple.
    const PITCH: usize = WIDEST + 8;
    /// Distance between rows.
    const ROW: usize = SIDE * Self::PITCH;

    /// Room for so many rows of tiles.
    pub fn new(rows: usize) -> Self {
        Self(vec![0.0; (SIDE * rows + 2) * Self::ROW + SLACK])
    }

    /// Takes the pixels that `rows` of tiles see of a channel with rows of `width`.
    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize, rows: Range<usize>) {
        let mut pixels = channel.chunks_exact(width).skip((SIDE * rows.start).saturating_sub(1));
        let count = SIDE * rows.len() + 2;
        for (y, to) in self.0.chunks_exact_mut(Self::ROW).take(count).enumerate() {
            let row = if rows.start == 0 && y == 0 { None } else { pixels.next() };
            let Some(row) = row else {
                to.fill(0.0);
                continue;
            };
            let (zero, rest) = to.split_at_mut(Self::PITCH);
            let (one, rest) = rest.split_at_mut(Self::PITCH);
            let (two, three) = rest.split_at_mut(Self::PITCH);
            deal(row, [one, two, three, &mut zero[1..]]);
        }
    }
}

/// `B^T d B` of every tile of a channel.
pub struct Enter<'a, const PITCH: usize> {
    pub spread: &'a Spread,
    pub rows: usize,
    pub columns: usize,
    /// Starts where the first of them goes, at the first place.
    pub out: &'a mut [f32],
}

impl<const PITCH: usize> WithSimd for Enter<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.columns <= WIDEST && lanes <= SLACK);
        assert!(self.out.len() >= (PLACES - 1) * PITCH + self.rows * self.columns + SLACK);
        assert!(self.spread.0.len() >= (SIDE * self.rows + 2) * Spread::ROW + SLACK);
        let (from, to) = (self.spread.0.as_ptr(), self.out.as_mut_ptr());
        for row in 0..self.rows {
            let mut p = 0;
            while p < self.columns {
                // SAFETY: the assertions above bound every address: a row of tiles reads six rows of
                // the image, the last tile two columns past its own.
                unsafe {
                    let from = from.add(SIDE * row * Spread::ROW + p);
                    along_both::<S, REACH, REACH, PITCH>(
                        simd,
                        #[inline(always)]
                        |x| enter(simd, x),
                        #[inline(always)]
                        |i, j| from.add(i * Spread::ROW + j % SIDE * Spread::PITCH + j / SIDE),
                        to.add(row * self.columns + p),
                    );
                }
                p += lanes;
            }
        }
    }
}

/// `A^T m A` of every tile of a channel: its pixels as runs, row by row of the tile.
pub struct Leave<'a, const PITCH: usize> {
    /// `[place][PITCH]`.
    pub products: &'a [f32],
    /// `[pixel][PITCH]`.
    pub pixels: &'a mut [f32],
    pub length: usize,
}

impl<const PITCH: usize> WithSimd for Leave<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.length.next_multiple_of(lanes) <= PITCH);
        assert!(self.products.len() >= PLACES * PITCH);
        assert!(self.pixels.len() >= SIDE * SIDE * PITCH);
        let mut p = 0;
        while p < self.length {
            // SAFETY: the assertions above bound every address.
            unsafe {
                let from = self.products.as_ptr().add(p);
                along_both::<S, REACH, SIDE, PITCH>(
                    simd,
                    #[inline(always)]
                    |x| leave(simd, x),
                    #[inline(always)]
                    |i, j| from.add((REACH * i + j) * PITCH),
                    self.pixels.as_mut_ptr().add(p),
                );
            }
            p += lanes;
        }
    }
}

/// The pixels of every tile of one channel of a gradient as runs, `[pixel][PITCH]`, zero where a
/// tile hangs over.
pub struct Pixels<const PITCH: usize>(Vec<f32>);

impl<const PITCH: usize> Pixels<PITCH> {
    pub fn new() -> Self {
        Self(vec![0.0; SIDE * SIDE * PITCH])
    }

    /// Takes `rows` of tiles of a channel with rows of `width`.
    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize, rows: Range<usize>) {
        let columns = width.div_ceil(SIDE);
        let mut pixels = channel.chunks_exact(width).skip(SIDE * rows.start);
        for y in 0..SIDE * rows.len() {
            let runs = &mut self.0[y % SIDE * SIDE * PITCH + y / SIDE * columns..];
            let (zero, rest) = runs.split_at_mut(PITCH);
            let (one, rest) = rest.split_at_mut(PITCH);
            let (two, three) = rest.split_at_mut(PITCH);
            match pixels.next() {
                Some(row) => deal(row, [zero, one, two, three]),
                None => {
                    [zero, one, two, three].into_iter().for_each(|run| run[..columns].fill(0.0))
                }
            }
        }
    }
}

/// `A y A^T` of every tile of a channel of the gradient.
pub struct Widen<'a, const PITCH: usize> {
    pub pixels: &'a Pixels<PITCH>,
    /// Starts with the channel's first tile of this image, at the first place.
    pub out: &'a mut [f32],
    /// Tiles.
    pub length: usize,
}

impl<const PITCH: usize> WithSimd for Widen<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.length.next_multiple_of(lanes) <= PITCH && lanes <= SLACK);
        assert!(self.out.len() >= (PLACES - 1) * PITCH + self.length + SLACK);
        let mut p = 0;
        while p < self.length {
            // SAFETY: the assertions above bound every address.
            unsafe {
                let from = self.pixels.0.as_ptr().add(p);
                along_both::<S, SIDE, REACH, PITCH>(
                    simd,
                    #[inline(always)]
                    |x| widen(simd, x),
                    #[inline(always)]
                    |i, j| from.add((SIDE * i + j) * PITCH),
                    self.out.as_mut_ptr().add(p),
                );
            }
            p += lanes;
        }
    }
}
