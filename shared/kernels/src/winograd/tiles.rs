//! The transforms of tiles to 36 elements: `B^T d B` of the input, and `A y A^T` of the output's gradient.

use super::matrices::{
    ELEMENTS, INPUTS, OUTPUTS, gradient_transform, input_transform, transform_2d,
};
use super::tiling::{Piece, Tiling};
use crate::border::CopyRows;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::simd::{dispatch, load, store};
use pulp::{Arch, Simd, WithSimd};

/// Transformed tiles `[element][tile][pitch]`.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Numbers of a tile's element: the channels, rounded up to whole vectors.
    pub pitch: usize,
    /// Distance between the elements of a tile.
    pub element: usize,
}

impl Layout {
    /// The layout of `tiles` tiles. The elements are an odd number of tiles apart: at powers of two, all 36
    /// of them would fall into the same set of the cache.
    pub fn new(tiles: usize, pitch: usize) -> Self {
        Self { pitch, element: (tiles | 1) * pitch }
    }

    /// Where each element begins.
    pub fn starts(&self) -> [usize; ELEMENTS] {
        std::array::from_fn(|element| element * self.element)
    }

    /// Numbers of all elements.
    pub fn size(&self) -> usize {
        ELEMENTS * self.element
    }
}

/// A transform along one side of tiles of `I` pixels.
pub trait TileMap<const I: usize>: Copy {
    /// The elements of a row or column of a tile.
    fn map<S: Simd>(self, simd: S, pixels: [S::f32s; I]) -> [S::f32s; INPUTS];
}

/// `B^T d`: the tiles of the input, with a border of one pixel.
#[derive(Clone, Copy)]
pub struct OfInput;

impl TileMap<INPUTS> for OfInput {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, pixels: [S::f32s; INPUTS]) -> [S::f32s; INPUTS] {
        input_transform(simd, pixels)
    }
}

/// `A y`: the tiles of the output's gradient.
#[derive(Clone, Copy)]
pub struct OfGradient;

impl TileMap<OUTPUTS> for OfGradient {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, pixels: [S::f32s; OUTPUTS]) -> [S::f32s; INPUTS] {
        gradient_transform(simd, pixels)
    }
}

/// Pixels of a side of `tiles` neighbouring tiles of `I` pixels, which overlap in their borders.
const fn side<const I: usize>(tiles: usize) -> usize {
    OUTPUTS * tiles + I - OUTPUTS
}

/// The transform of every tile of some rows of tiles.
struct Transform<'a, M, const I: usize> {
    map: M,
    /// Pixels of the tiles with their border, `[side of rows][side of columns][pitch]`.
    pixels: &'a [f32],
    /// Distance between rows of pixels.
    row: usize,
    rows: usize,
    columns: usize,
    /// The first element of the first tile.
    out: &'a mut [f32],
    layout: Layout,
}

impl<M: TileMap<I>, const I: usize> WithSimd for Transform<'_, M, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Layout { pitch, element } = self.layout;
        let row = self.row;
        let tiles = self.rows * self.columns;
        assert!(pitch.is_multiple_of(S::F32_LANES) && tiles * pitch <= element);
        assert!(row >= side::<I>(self.columns) * pitch);
        assert!(self.pixels.len() >= side::<I>(self.rows) * row);
        assert!(self.out.len() >= (ELEMENTS - 1) * element + tiles * pitch);
        for tile in 0..tiles {
            let corner =
                tile / self.columns * OUTPUTS * row + tile % self.columns * OUTPUTS * pitch;
            for channel in (0..pitch).step_by(S::F32_LANES) {
                // SAFETY: a tile reads `I` rows of `I` pixels and writes 36 elements, which the assertions keep
                // within `pixels` and `out`.
                let from = unsafe { self.pixels.as_ptr().add(corner + channel) };
                // SAFETY: as above.
                let to = unsafe { self.out.as_mut_ptr().add(tile * pitch + channel) };
                transform_2d::<S, I, INPUTS>(
                    simd,
                    #[inline(always)]
                    |pixels| self.map.map(simd, pixels),
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j| unsafe { load::<S>(from.add(i * row + j * pitch)) },
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j, value| unsafe { store::<S>(to.add((INPUTS * i + j) * element), value) },
                );
            }
        }
    }
}

/// Numbers of a buffer for the pixels of so many rows of tiles, with their border.
pub fn pixels(g: Geometry, rows: usize, pitch: usize) -> usize {
    side::<INPUTS>(rows) * side::<INPUTS>(Tiling::new(g).columns) * pitch
}

/// Images whose tiles are transformed.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    /// `[n, height, width, channels]`.
    pub x: &'a [f32],
    /// Height, width and channels.
    pub size: [usize; 3],
    /// Applied to every pixel.
    pub prologue: Option<InputAffine<'a>>,
}

/// Transforms the pieces of images.
pub fn transform<M: TileMap<I>, const I: usize>(
    map: M,
    images: Images,
    pieces: &[Piece],
    pixels: &mut [f32],
    layout: Layout,
    tiles: &mut [f32],
) {
    let arch = Arch::new();
    let Images { x, size: [height, width, channels], prologue } = images;
    let size = height * width * channels;
    let border = (I - OUTPUTS) / 2;
    let columns = width.div_ceil(OUTPUTS);
    // Such tiles cover the image, and are read from it. All others are read from a copy with a border.
    let covered = [height, width].iter().all(|side| side.is_multiple_of(OUTPUTS));
    let in_place = border == 0 && covered && prologue.is_none() && channels == layout.pitch;
    let mut done = 0;
    for piece in pieces {
        let rows = piece.rows.len();
        let image = &x[piece.image * size..][..size];
        let first = OUTPUTS * piece.rows.start;
        let out = &mut tiles[done * layout.pitch..];
        done += rows * columns;
        if in_place {
            let row = width * channels;
            let pixels = &image[first * row..];
            dispatch(arch, Transform { map, pixels, row, rows, columns, out, layout });
            continue;
        }
        let start = first.saturating_sub(border);
        let copy = CopyRows {
            image,
            width,
            channels,
            from: start..(OUTPUTS * piece.rows.end + border).min(height),
            prologue,
            to: pixels,
            top: start + border - first,
            left: border,
            rows: side::<I>(rows),
            columns: side::<I>(columns),
            pitch: layout.pitch,
        };
        dispatch(arch, copy);
        let row = side::<I>(columns) * layout.pitch;
        dispatch(arch, Transform { map, pixels, row, rows, columns, out, layout });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_an_odd_number_of_tiles_apart() {
        for (tiles, apart) in [(1, 1), (2, 3), (63, 63), (64, 65)] {
            let layout = Layout::new(tiles, 16);
            assert_eq!((layout.element, layout.size()), (16 * apart, 36 * 16 * apart));
            assert_eq!(layout.starts()[35], 35 * 16 * apart);
        }
    }

    #[test]
    fn neighbouring_tiles_share_their_borders() {
        assert_eq!([1, 2, 3].map(side::<INPUTS>), [6, 10, 14]);
        assert_eq!([1, 2, 3].map(side::<OUTPUTS>), [4, 8, 12]);
    }
}
