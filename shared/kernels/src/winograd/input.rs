//! The transform of the input's tiles, `B^T d B`.

use super::matrices::{ELEMENTS, INPUTS, OUTPUTS, input_transform, transform_2d};
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

/// `B^T d B` of every tile of some rows of tiles.
struct InputTransform<'a> {
    /// Pixels of the tiles with their border, `[4 rows + 2][4 columns + 2][pitch]`.
    pixels: &'a [f32],
    rows: usize,
    columns: usize,
    /// The first element of the first tile.
    out: &'a mut [f32],
    layout: Layout,
}

impl WithSimd for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Layout { pitch, element } = self.layout;
        let row = (OUTPUTS * self.columns + 2) * pitch;
        let tiles = self.rows * self.columns;
        assert!(pitch.is_multiple_of(S::F32_LANES) && tiles * pitch <= element);
        assert!(self.pixels.len() >= (OUTPUTS * self.rows + 2) * row);
        assert!(self.out.len() >= (ELEMENTS - 1) * element + tiles * pitch);
        for tile in 0..tiles {
            let corner =
                tile / self.columns * OUTPUTS * row + tile % self.columns * OUTPUTS * pitch;
            for channel in (0..pitch).step_by(S::F32_LANES) {
                // SAFETY: a tile reads six rows of six pixels and writes 36 elements, which the assertions
                // keep within `pixels` and `out`.
                let from = unsafe { self.pixels.as_ptr().add(corner + channel) };
                // SAFETY: as above.
                let to = unsafe { self.out.as_mut_ptr().add(tile * pitch + channel) };
                transform_2d::<S, INPUTS, INPUTS>(
                    simd,
                    #[inline(always)]
                    |x| input_transform(simd, x),
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

/// Numbers of a buffer for the pixels of so many rows of tiles.
pub fn pixels(g: Geometry, rows: usize, pitch: usize) -> usize {
    (OUTPUTS * rows + 2) * (OUTPUTS * Tiling::new(g).columns + 2) * pitch
}

/// Transforms the pieces of images `x [n, h, w, cin]` after the prologue.
pub fn transform_input(
    g: Geometry,
    pieces: &[Piece],
    x: &[f32],
    prologue: Option<InputAffine>,
    pixels: &mut [f32],
    layout: Layout,
    tiles: &mut [f32],
) {
    let arch = Arch::new();
    let Tiling { columns, .. } = Tiling::new(g);
    let mut done = 0;
    for piece in pieces {
        let rows = piece.rows.len();
        let first = OUTPUTS * piece.rows.start;
        let start = first.saturating_sub(1);
        let end = (OUTPUTS * piece.rows.end + 1).min(g.height);
        let copy = CopyRows {
            image: &x[piece.image * g.in_size()..][..g.in_size()],
            width: g.width,
            channels: g.cin,
            from: start..end,
            prologue,
            to: pixels,
            top: start + 1 - first,
            left: 1,
            rows: OUTPUTS * rows + 2,
            columns: OUTPUTS * columns + 2,
            pitch: layout.pitch,
        };
        dispatch(arch, copy);
        let out = &mut tiles[done * layout.pitch..];
        dispatch(arch, InputTransform { pixels, rows, columns, out, layout });
        done += rows * columns;
    }
}
