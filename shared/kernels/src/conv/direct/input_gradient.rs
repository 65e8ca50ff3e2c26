//! The gradient of a convolution with respect to its input.

use super::bordered::Bordered;
use super::write::WritePixels;
use super::{pack, together};
use crate::buffer::Buffer;
use crate::conv::{CACHED, ImageStep};
use crate::fused::{Epilogue, Fused};
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::{dispatch, padded};
use pulp::Arch;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The pixels of the input whose row and column have given remainders modulo the stride. The same taps
/// contribute to all of them.
struct Phase {
    /// First row and column.
    first: [usize; 2],
    /// Number of rows and columns.
    size: [usize; 2],
    /// Where the segments of the product begin, in the gradient with its border and in the weights.
    segments: Vec<[usize; 2]>,
    /// Terms of a segment.
    length: usize,
    /// `[row of taps][column of taps][cout][pitch]`.
    packed: Vec<f32>,
}

/// The taps that contribute to pixels of remainder `phase` along one side, in the order of the gradient's
/// pixels that they multiply. The first one multiplies the pixel of the same index in the gradient with its
/// border.
fn taps(g: Geometry, phase: usize) -> &'static [usize] {
    match (g.kernel, g.stride, phase) {
        (1, _, 0) => &[0],
        (1, ..) => &[],
        (_, 1, _) => &[2, 1, 0],
        // Padded row `2 i + 1` is the middle of window `i`; padded row `2 i + 2` is the last of window `i`
        // and the first of window `i + 1`.
        (_, _, 0) => &[1],
        _ => &[2, 0],
    }
}

/// Zero rows and columns before and after the gradient.
fn border(g: Geometry) -> [usize; 2] {
    match (g.kernel, g.stride) {
        (1, _) => [0, 0],
        (_, 1) => [1, 1],
        _ => [0, 1],
    }
}

impl Phase {
    /// The phase of remainders `py` (rows) and `px` (columns).
    fn new(
        g: Geometry,
        [py, px]: [usize; 2],
        weight: &[f32],
        gradients: Bordered,
        pitch: usize,
    ) -> Self {
        let rows_of_taps = taps(g, py);
        let columns_of_taps = taps(g, px);
        let length = columns_of_taps.len() * g.cout;
        let count = if length == 0 { 0 } else { rows_of_taps.len() };
        let packed = pack(g.cin, count * length, pitch, |ci, k| {
            let ky = rows_of_taps[k / length];
            let kx = columns_of_taps[k % length / g.cout];
            weight[(k % g.cout * g.cin + ci) * g.taps() + ky * g.kernel + kx]
        });
        Self {
            first: [py, px],
            size: [
                g.height.saturating_sub(py).div_ceil(g.stride),
                g.width.saturating_sub(px).div_ceil(g.stride),
            ],
            segments: (0..count).map(|i| [i * gradients.row(), i * length * pitch]).collect(),
            length,
            packed,
        }
    }
}

/// `dy [n, oh, ow, cout]` -> `[n, h, w, cin]`.
pub struct InputGradient {
    g: Geometry,
    /// A phase has at most as many rows and columns as the gradient; with stride 2 its taps read at most one past
    /// it, which the border holds.
    gradients: Bordered,
    /// Numbers of an input pixel: whole vectors.
    pitch: usize,
    phases: Vec<Phase>,
}

impl InputGradient {
    /// The gradient of a convolution with `weight [cout, cin, k, k]`.
    pub fn new(g: Geometry, weight: &[f32]) -> Self {
        let pitch = padded(g.cin);
        let remainders = (0..g.stride).flat_map(|py| (0..g.stride).map(move |px| [py, px]));
        let gradients = Bordered::gradients(g, border(g), g.cout);
        let phases = remainders.map(|p| Phase::new(g, p, weight, gradients, pitch)).collect();
        Self { g, gradients, pitch, phases }
    }

    /// Computes a phase of some images: `[image][height][width][pitch]`.
    fn product(&self, phase: &Phase, images: usize, gradient: &[f32], grid: &mut [f32]) {
        let Self { g, pitch, .. } = *self;
        let [height, width] = phase.size;
        if phase.segments.is_empty() {
            grid[..images * height * width * pitch].fill(0.0);
            return;
        }
        let starts = self.gradients.row_starts(images, height, 1);
        let together = if phase.packed.len() > CACHED { 1 } else { g.kernel };
        for (i, segments) in phase.segments.chunks(together).enumerate() {
            let product = Product {
                a: gradient,
                b: &phase.packed,
                out: grid,
                segments,
                length: phase.length,
                rows: width,
                columns: pitch,
                a_starts: &starts,
                a_steps: Steps { row: g.cout, term: 1, batch: 0 },
                b_steps: Steps { term: pitch, ..Steps::default() },
                out_steps: Steps { row: pitch, term: 0, batch: width * pitch },
                accumulate: i > 0,
            };
            dispatch(Arch::new(), product);
        }
    }

    /// Writes the pixels of a phase to an image.
    fn write(&self, phase: &Phase, grid: &[f32], image: &mut [MaybeUninit<f32>]) {
        let Self { g, pitch, .. } = *self;
        let [height, width] = phase.size;
        let [first_row, first_column] = phase.first;
        for y in 0..height {
            let at = ((first_row + g.stride * y) * g.width + first_column) * g.cin;
            let write = WritePixels {
                from: &grid[y * width * pitch..],
                pitch,
                pixels: width,
                channels: g.cin,
                step: g.stride * g.cin,
                to: image.get_mut(at..).unwrap_or_default(),
                epilogue: Epilogue::None,
                index: 0,
            };
            dispatch(Arch::new(), write);
        }
    }
}

// SAFETY: the phases cover every pixel, and each of them is written.
unsafe impl ImageStep for InputGradient {
    fn together(&self) -> usize {
        together(self.g)
    }

    fn run(&self, images: Range<usize>, dy: &[f32], _: Fused, dx: &mut [MaybeUninit<f32>]) {
        let mut gradient = self.gradients.buffer(images.len());
        // The first phase has the most pixels.
        let pixels = self.phases[0].size[0] * self.phases[0].size[1];
        let mut grid = Buffer::new(images.len() * pixels * self.pitch);
        self.gradients.copy(images.clone(), dy, None, &mut gradient);
        for phase in &self.phases {
            self.product(phase, images.len(), &gradient, &mut grid);
            let size = (phase.size[0] * phase.size[1] * self.pitch).max(1);
            for (grid, dx) in grid.chunks_exact(size).zip(dx.chunks_exact_mut(self.g.in_size())) {
                self.write(phase, grid, dx);
            }
        }
    }
}
