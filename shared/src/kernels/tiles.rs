//! The four linear maps of [`super::winograd`] between images and transformed tiles, each over
//! whole vectors of tiles.
//!
//! Transformed tiles lie place by place, `[place][channel][tile]`, and the tiles of an image row by
//! row without gaps. A vector may write past the end of a row of tiles: what comes next in the
//! order of images, or the slack at the end, lies there.

use super::planes::part;
use super::simd::{SLACK, load, store};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// `B^T` along one direction.
#[inline(always)]
fn enter<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// `A^T` along one direction.
#[inline(always)]
fn leave<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    let (sum, difference) = (simd.add_f32s(b, c), simd.sub_f32s(b, c));
    [simd.add_f32s(a, sum), simd.sub_f32s(difference, d)]
}

/// `A` along one direction.
#[inline(always)]
fn widen<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    let zero = simd.splat_f32s(0.0);
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(zero, b)]
}

/// One channel of one image, padded by a pixel and its columns parted, so that the tiles of a row
/// are neighbours: `[row][even columns, odd columns]` of the padded image.
pub struct Spread {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Spread {
    pub fn new(rows: usize, columns: usize) -> Self {
        let values = vec![0.0; 2 * (2 * rows + 2) * (columns + 1) + SLACK];
        Self { values, rows, columns }
    }

    /// Distance between even and odd columns of a row.
    fn pitch(&self) -> usize {
        self.columns + 1
    }

    /// Takes a channel with rows of `width`; the padding is zero already and stays so.
    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize) {
        let pitch = self.pitch();
        let rows = self.values[2 * pitch..].chunks_exact_mut(2 * pitch);
        for (to, row) in rows.zip(channel.chunks_exact(width)) {
            let (even, odd) = to.split_at_mut(pitch);
            part(row, odd, &mut even[1..]);
        }
    }
}

/// `B^T d B` of every tile of a channel.
pub struct Enter<'a> {
    pub spread: &'a Spread,
    /// These rows of tiles.
    pub rows: Range<usize>,
    /// Starts where the first of them goes, at the first place.
    pub out: &'a mut [f32],
    /// Between places.
    pub distance: usize,
}

impl WithSimd for Enter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (pitch, columns, lanes) = (self.spread.pitch(), self.spread.columns, S::F32_LANES);
        let tiles = self.rows.len() * columns;
        assert!(self.rows.end <= self.spread.rows && lanes <= SLACK);
        assert!(self.out.len() >= 15 * self.distance + tiles + SLACK);
        // A row of tiles reads four rows of the image, the last tile one column past its own.
        assert!(self.spread.values.len() >= 2 * (2 * self.spread.rows + 2) * pitch + SLACK);
        let (from, to) = (self.spread.values.as_ptr(), self.out.as_mut_ptr());
        for row in self.rows.clone() {
            let start = (row - self.rows.start) * columns;
            let mut p = 0;
            while p < columns {
                let mut half = [[simd.splat_f32s(0.0); 4]; 4];
                for (j, half) in half.iter_mut().enumerate() {
                    let mut d = [simd.splat_f32s(0.0); 4];
                    for (i, d) in d.iter_mut().enumerate() {
                        let at = (2 * (2 * row + i) + j % 2) * pitch + p + j / 2;
                        // SAFETY: the assertions above bound every address.
                        *d = unsafe { load::<S>(from.add(at)) };
                    }
                    *half = enter(simd, d);
                }
                #[expect(clippy::needless_range_loop, reason = "rows of columns")]
                for i in 0..4 {
                    let made = enter(simd, [half[0][i], half[1][i], half[2][i], half[3][i]]);
                    for (j, value) in made.into_iter().enumerate() {
                        let at = (4 * i + j) * self.distance + start + p;
                        // SAFETY: as above.
                        unsafe { store::<S>(to.add(at), value) }
                    }
                }
                p += lanes;
            }
        }
    }
}

/// `A^T m A` of every tile of a channel: the four pixels as four runs, row by row of the tile.
pub struct Leave<'a> {
    /// Starts with the channel's first tile at the first place.
    pub products: &'a [f32],
    /// Between places.
    pub distance: usize,
    /// `[4][pitch]`.
    pub pixels: &'a mut [f32],
    pub pitch: usize,
    pub length: usize,
}

impl WithSimd for Leave<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        let reach = self.length.next_multiple_of(lanes);
        assert!(reach <= self.pitch && self.pixels.len() >= 4 * self.pitch);
        assert!(self.products.len() >= 15 * self.distance + reach);
        let (from, to) = (self.products.as_ptr(), self.pixels.as_mut_ptr());
        let mut p = 0;
        while p < reach {
            let mut half = [[simd.splat_f32s(0.0); 2]; 4];
            for (j, half) in half.iter_mut().enumerate() {
                let mut m = [simd.splat_f32s(0.0); 4];
                for (i, m) in m.iter_mut().enumerate() {
                    // SAFETY: the assertions above bound every address.
                    *m = unsafe { load::<S>(from.add((4 * i + j) * self.distance + p)) };
                }
                *half = leave(simd, m);
            }
            #[expect(clippy::needless_range_loop, reason = "rows of columns")]
            for y in 0..2 {
                let made = leave(simd, [half[0][y], half[1][y], half[2][y], half[3][y]]);
                for (x, value) in made.into_iter().enumerate() {
                    // SAFETY: as above.
                    unsafe { store::<S>(to.add((2 * y + x) * self.pitch + p), value) }
                }
            }
            p += lanes;
        }
    }
}

/// The four pixels of every tile of one channel of a gradient as four runs `[4][tiles + SLACK]`, zero
/// where a tile hangs over.
pub struct Corners {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Corners {
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { values: vec![0.0; 4 * (rows * columns + SLACK)], rows, columns }
    }

    fn pitch(&self) -> usize {
        self.rows * self.columns + SLACK
    }

    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize) {
        let pitch = self.pitch();
        for (y, row) in channel.chunks_exact(width).enumerate() {
            let from = 2 * (y % 2) * pitch + y / 2 * self.columns;
            let (left, right) = self.values[from..].split_at_mut(pitch);
            part(row, left, right);
        }
    }
}

/// `A y A^T` of every tile of a channel of the gradient.
pub struct Widen<'a> {
    pub corners: &'a Corners,
    /// Starts with the channel's first tile of this image, at the first place.
    pub out: &'a mut [f32],
    /// Between places.
    pub distance: usize,
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (pitch, lanes) = (self.corners.pitch(), S::F32_LANES);
        let tiles = self.corners.rows * self.corners.columns;
        assert!(self.out.len() >= 15 * self.distance + tiles + SLACK && lanes <= SLACK);
        assert!(self.corners.values.len() >= 4 * pitch);
        let (from, to) = (self.corners.values.as_ptr(), self.out.as_mut_ptr());
        let mut p = 0;
        while p < tiles {
            let mut half = [[simd.splat_f32s(0.0); 4]; 2];
            for (x, half) in half.iter_mut().enumerate() {
                // SAFETY: the assertions above bound every address.
                let [top, bottom] = unsafe {
                    [load::<S>(from.add(x * pitch + p)), load::<S>(from.add((2 + x) * pitch + p))]
                };
                *half = widen(simd, [top, bottom]);
            }
            #[expect(clippy::needless_range_loop, reason = "rows of columns")]
            for i in 0..4 {
                let made = widen(simd, [half[0][i], half[1][i]]);
                for (j, value) in made.into_iter().enumerate() {
                    let at = (4 * i + j) * self.distance + p;
                    // SAFETY: as above.
                    unsafe { store::<S>(to.add(at), value) }
                }
            }
            p += lanes;
        }
    }
}
