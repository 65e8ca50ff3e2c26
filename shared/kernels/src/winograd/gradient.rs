//! The gradient of the kernels.

use super::convolution::Cut;
use super::matrices::ELEMENTS;
use super::tiles::{Images, Layout, OfGradient, OfInput, pixels, transform};
use super::tiling::Tiling;
use super::{is_supported, weights};
use crate::aligned::Aligned;
use crate::conv::KernelGradientStep;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::dispatch;
use pulp::Arch;
use std::ops::Range;

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
        let input = Images { x, size: [g.height, g.width, g.cin], prologue };
        let gradient = Images { x: dy, size: [g.height, g.width, g.cout], prologue: None };
        for pieces in tiling.pieces(images, limit).chunks(self.cut.images) {
            transform(OfInput, input, pieces, pixels, inputs, tiles);
            transform(OfGradient, gradient, pieces, pixels, outputs, gradients);
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
