//! The gradient of the kernels.

use super::convolution::Cut;
use super::input::{Layout, pixels, transform_input};
use super::matrices::{ELEMENTS, INPUTS, OUTPUTS, gradient_transform, transform_2d};
use super::tiling::{Piece, Tiling};
use super::{is_supported, weights};
use crate::aligned::Aligned;
use crate::border::CopyRows;
use crate::conv::KernelGradientStep;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::{dispatch, load, store};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// `A y A^T` of every tile of some rows of tiles.
struct GradientTransform<'a> {
    /// Pixels of the tiles, `[4 rows][4 columns][pitch]`.
    pixels: &'a [f32],
    rows: usize,
    columns: usize,
    /// The first element of the first tile.
    out: &'a mut [f32],
    layout: Layout,
}

impl WithSimd for GradientTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Layout { pitch, element } = self.layout;
        let row = OUTPUTS * self.columns * pitch;
        let tiles = self.rows * self.columns;
        assert!(pitch.is_multiple_of(S::F32_LANES) && tiles * pitch <= element);
        assert!(self.pixels.len() >= OUTPUTS * self.rows * row);
        assert!(self.out.len() >= (ELEMENTS - 1) * element + tiles * pitch);
        for tile in 0..tiles {
            let corner =
                tile / self.columns * OUTPUTS * row + tile % self.columns * OUTPUTS * pitch;
            for channel in (0..pitch).step_by(S::F32_LANES) {
                // SAFETY: a tile reads four rows of four pixels and writes 36 elements, which the assertions
                // keep within `pixels` and `out`.
                let from = unsafe { self.pixels.as_ptr().add(corner + channel) };
                // SAFETY: as above.
                let to = unsafe { self.out.as_mut_ptr().add(tile * pitch + channel) };
                transform_2d::<S, OUTPUTS, INPUTS>(
                    simd,
                    #[inline(always)]
                    |y| gradient_transform(simd, y),
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

/// Transforms the pieces of the output's gradient `dy [n, h, w, cout]`.
fn transform_gradient(
    g: Geometry,
    pieces: &[Piece],
    dy: &[f32],
    pixels: &mut [f32],
    layout: Layout,
    tiles: &mut [f32],
) {
    let arch = Arch::new();
    let Tiling { columns, .. } = Tiling::new(g);
    let mut done = 0;
    for piece in pieces {
        let rows = piece.rows.len();
        let copy = CopyRows {
            image: &dy[piece.image * g.out_size()..][..g.out_size()],
            width: g.width,
            channels: g.cout,
            from: OUTPUTS * piece.rows.start..(OUTPUTS * piece.rows.end).min(g.height),
            prologue: None,
            to: pixels,
            top: 0,
            left: 0,
            rows: OUTPUTS * rows,
            columns: OUTPUTS * columns,
            pitch: layout.pitch,
        };
        dispatch(arch, copy);
        let out = &mut tiles[done * layout.pitch..];
        dispatch(arch, GradientTransform { pixels, rows, columns, out, layout });
        done += rows * columns;
    }
}

/// Buffers of one thread.
pub struct Scratch {
    pixels: Aligned,
    /// Transformed tiles of the input, `[element][tile][cin]`.
    tiles: Aligned,
    /// Transformed tiles of the output's gradient, `[element][tile][cout]`.
    gradients: Aligned,
}

/// `x [n, h, w, cin]`, `dy [n, h, w, cout]` -> `[cout, cin, 3, 3]`:
///
/// `dW = G^T [sum over tiles (A y A^T) * (B^T d B)] G`, for the tiles `d` of the input and `y` of `dy`; `*`
/// multiplies element by element. A sum is `[element][cin][pitch]`, with elements [`weights::distance`] apart.
pub struct KernelGradient {
    g: Geometry,
    cut: Cut,
}

impl KernelGradient {
    /// The gradient of a convolution.
    ///
    /// # Panics
    /// If the kernel is not 3, or the stride not 1.
    pub fn new(g: Geometry) -> Self {
        assert!(is_supported(g), "no Winograd tiles for {g:?}");
        Self { g, cut: Cut::new(g) }
    }
}

impl KernelGradientStep for KernelGradient {
    type Scratch = Scratch;

    fn scratch(&self) -> Scratch {
        let Cut { rows, inputs, outputs, .. } = self.cut;
        Scratch {
            pixels: Aligned::new(pixels(self.g, rows, inputs.pitch.max(outputs.pitch))),
            tiles: Aligned::new(inputs.size()),
            gradients: Aligned::new(outputs.size()),
        }
    }

    fn together(&self) -> usize {
        self.cut.images
    }

    fn size(&self) -> usize {
        ELEMENTS * weights::distance(self.g.cin * self.cut.outputs.pitch)
    }

    fn add(
        &self,
        scratch: &mut Scratch,
        images: Range<usize>,
        [x, dy]: [&[f32]; 2],
        prologue: Option<InputAffine>,
        sum: &mut [f32],
    ) {
        let g = self.g;
        let Cut { limit, inputs, outputs, .. } = self.cut;
        let Scratch { pixels, tiles, gradients } = scratch;
        let tiling = Tiling::new(g);
        for pieces in tiling.pieces(images, limit).chunks(self.cut.images) {
            transform_input(g, pieces, x, prologue, pixels, inputs, tiles);
            transform_gradient(g, pieces, dy, pixels, outputs, gradients);
            let count = pieces.iter().map(|piece| tiling.length(piece)).sum();
            correlate(g.cin, [inputs, outputs], tiles, gradients, count, sum);
        }
    }

    fn finish(&self, sum: &[f32]) -> Vec<f32> {
        weights::unpack(self.g, self.cut.outputs.pitch, sum)
    }
}

/// Adds the products of `count` tiles of the input and of the gradient to `sums [element][cin][pitch]`.
fn correlate(
    cin: usize,
    [inputs, outputs]: [Layout; 2],
    tiles: &[f32],
    gradients: &[f32],
    count: usize,
    sums: &mut [f32],
) {
    let product = Product {
        a: tiles,
        b: gradients,
        out: sums,
        segments: &[[0, 0]],
        length: count,
        rows: cin,
        columns: outputs.pitch,
        a_starts: &inputs.starts(),
        a_steps: Steps { row: 1, term: inputs.pitch, batch: 0 },
        b_steps: Steps { row: 0, term: outputs.pitch, batch: outputs.element },
        out_steps: Steps {
            row: outputs.pitch,
            term: 0,
            batch: weights::distance(cin * outputs.pitch),
        },
        accumulate: true,
    };
    dispatch(Arch::new(), product);
}
