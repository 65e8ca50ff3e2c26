//! The gradient of the kernels.

use super::convolution::Cut;
use super::matrices::ELEMENTS;
use super::tiles::{Images, OfGradient, OfInput, pixels, transform};
use super::tiling::Tiling;
use super::{is_supported, weights};
use crate::buffer::Buffer;
use crate::conv::KernelGradientStep;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::dispatch;
use pulp::Arch;
use std::ops::Range;

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

    /// The products of `count` tiles of the input and of the gradient, which are written to `sum` or added to it.
    fn multiply(
        &self,
        [tiles, gradients]: [&[f32]; 2],
        count: usize,
        sum: &mut [f32],
        accumulate: bool,
    ) {
        let Cut { inputs, outputs, .. } = self.cut;
        let cin = self.g.cin;
        let product = Product {
            a: tiles,
            b: gradients,
            out: sum,
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
            accumulate,
        };
        dispatch(Arch::new(), product);
    }
}

impl KernelGradientStep for KernelGradient {
    fn together(&self) -> usize {
        self.cut.images
    }

    fn size(&self) -> usize {
        ELEMENTS * weights::distance(self.g.cin * self.cut.outputs.pitch)
    }

    fn add(
        &self,
        images: Range<usize>,
        [x, dy]: [&[f32]; 2],
        prologue: Option<InputAffine>,
        sum: &mut [f32],
        first: bool,
    ) {
        let g = self.g;
        let Cut { limit, rows, inputs, outputs, .. } = self.cut;
        let mut pixels = Buffer::new(pixels(g, rows, inputs.pitch.max(outputs.pitch)));
        let mut tiles = Buffer::new(inputs.size());
        let mut gradients = Buffer::new(outputs.size());
        let tiling = Tiling::new(g);
        let input = Images { x, size: [g.height, g.width, g.cin], prologue };
        let gradient = Images { x: dy, size: [g.height, g.width, g.cout], prologue: None };
        let all = tiling.pieces(images, limit);
        for (i, pieces) in all.chunks(self.cut.images).enumerate() {
            transform(OfInput, input, pieces, &mut pixels, inputs, &mut tiles);
            transform(OfGradient, gradient, pieces, &mut pixels, outputs, &mut gradients);
            let count = pieces.iter().map(|piece| tiling.length(piece)).sum();
            self.multiply([&tiles, &gradients], count, sum, i > 0 || !first);
        }
    }

    fn finish(&self, sum: &[f32]) -> Vec<f32> {
        weights::unpack(self.g, self.cut.outputs.pitch, sum)
    }
}
