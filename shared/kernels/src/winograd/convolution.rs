//! The convolution of images with transformed kernels.

use super::matrices::ELEMENTS;
use super::output::OutputTransform;
use super::tiles::{Images, Layout, OfInput, pixels, transform};
use super::tiling::{Piece, Tiling};
use super::{MANY_TILES, is_supported, kernels_are_cached, weights};
use crate::buffer::Buffer;
use crate::conv::ImageStep;
use crate::fused::Fused;
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::{dispatch, padded};
use pulp::Arch;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Numbers of the transformed tiles and products that are computed together: they stay in the second-level
/// cache.
const CACHED_TILES: usize = 160 * 1024;

/// Sizes of the groups of tiles that are computed together.
#[derive(Clone, Copy)]
pub struct Cut {
    /// Most tiles that are computed together.
    pub limit: usize,
    /// Images whose tiles are computed together. It is above 1 only if the tiles of an image are fewer than the
    /// limit.
    pub images: usize,
    /// Rows of tiles that are computed together.
    pub rows: usize,
    /// Transformed tiles of the input.
    pub inputs: Layout,
    /// Transformed tiles of the output or of its gradient.
    pub outputs: Layout,
}

impl Cut {
    /// The cut of a convolution.
    pub fn new(g: Geometry) -> Self {
        let tiling = Tiling::new(g);
        let [inputs, outputs] = [padded(g.cin), padded(g.cout)];
        let least = if kernels_are_cached(g) { 1 } else { MANY_TILES };
        let limit = (CACHED_TILES / (ELEMENTS * (inputs + outputs))).max(least).max(tiling.columns);
        let images = tiling.pieces_together(limit);
        let rows = tiling.piece_rows(limit);
        let together = images * rows * tiling.columns;
        let [inputs, outputs] = [inputs, outputs].map(|pitch| Layout::new(together, pitch));
        Self { limit, images, rows, inputs, outputs }
    }
}

/// `x [n, h, w, cin]` convolved with transformed kernels: `[n, h, w, cout]`.
pub struct Convolution {
    g: Geometry,
    cut: Cut,
    /// From [`weights::pack`].
    packed: Vec<f32>,
}

impl Convolution {
    /// The convolution with `weight [cout, cin, 3, 3]`.
    ///
    /// # Panics
    /// If the kernel is not 3, or the stride not 1.
    pub fn forward(g: Geometry, weight: &[f32]) -> Self {
        assert!(is_supported(g), "no Winograd tiles for {g:?}");
        let packed = weights::pack(g.cout, g.cin, padded(g.cout), |co, ci, tap| {
            weight[(co * g.cin + ci) * 9 + tap]
        });
        Self { g, cut: Cut::new(g), packed }
    }

    /// The gradient of [`Convolution::forward`] with respect to its input: the convolution of the output's
    /// gradient with the kernels rotated by 180 degrees.
    ///
    /// # Panics
    /// As [`Convolution::forward`].
    pub fn input_gradient(g: Geometry, weight: &[f32]) -> Self {
        assert!(is_supported(g), "no Winograd tiles for {g:?}");
        let packed = weights::pack(g.cin, g.cout, padded(g.cin), |ci, co, tap| {
            weight[(co * g.cin + ci) * 9 + 8 - tap]
        });
        let g = Geometry { cin: g.cout, cout: g.cin, ..g };
        Self { g, cut: Cut::new(g), packed }
    }

    /// Transforms the products to the rows of the images, and writes them to `out`, which begins with image
    /// `first`.
    fn write(
        &self,
        pieces: &[Piece],
        fused: Fused,
        products: &[f32],
        first: usize,
        out: &mut [MaybeUninit<f32>],
    ) {
        let g = self.g;
        let tiling = Tiling::new(g);
        let layout = self.cut.outputs;
        let mut done = 0;
        for piece in pieces {
            let transform = OutputTransform {
                g,
                rows: piece.rows.clone(),
                products: &products[done * layout.pitch..],
                layout,
                image: &mut out[(piece.image - first) * g.out_size()..][..g.out_size()],
                epilogue: fused.epilogue,
                index: piece.image * g.out_size(),
            };
            dispatch(Arch::new(), transform);
            done += tiling.length(piece);
        }
    }
}

// SAFETY: the pieces cover every row of tiles of every image, and `OutputTransform` writes all of their pixels.
unsafe impl ImageStep for Convolution {
    fn together(&self) -> usize {
        self.cut.images
    }

    fn run(&self, images: Range<usize>, x: &[f32], fused: Fused, out: &mut [MaybeUninit<f32>]) {
        let Cut { limit, rows, inputs, outputs, .. } = self.cut;
        let mut pixels = Buffer::new(pixels(self.g, rows, inputs.pitch));
        let mut tiles = Buffer::new(inputs.size());
        let mut products = Buffer::new(outputs.size());
        let Geometry { height, width, cin, .. } = self.g;
        let input = Images { x, size: [height, width, cin], prologue: fused.prologue };
        let tiling = Tiling::new(self.g);
        let first = images.start;
        for pieces in tiling.pieces(images, limit).chunks(self.cut.images) {
            transform(OfInput, input, pieces, &mut pixels, inputs, &mut tiles);
            let count = pieces.iter().map(|piece| tiling.length(piece)).sum();
            multiply(cin, &self.packed, [inputs, outputs], &tiles, &mut products, count);
            self.write(pieces, fused, &products, first, out);
        }
    }
}

/// The products of `count` tiles with the kernels `[element][cin][pitch]`, one matrix product for each element.
fn multiply(
    cin: usize,
    packed: &[f32],
    [inputs, outputs]: [Layout; 2],
    tiles: &[f32],
    products: &mut [f32],
    count: usize,
) {
    let product = Product {
        a: tiles,
        b: packed,
        out: products,
        segments: &[[0, 0]],
        length: cin,
        rows: count,
        columns: outputs.pitch,
        a_starts: &inputs.starts(),
        a_steps: Steps { row: inputs.pitch, term: 1, batch: 0 },
        b_steps: Steps {
            row: 0,
            term: outputs.pitch,
            batch: weights::distance(cin * outputs.pitch),
        },
        out_steps: Steps { row: outputs.pitch, term: 0, batch: outputs.element },
        accumulate: false,
    };
    dispatch(Arch::new(), product);
}
