//! The gradient of a convolution with respect to its weights.

use super::bordered::Bordered;
use super::together;
use crate::conv::KernelGradientStep;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::par;
use crate::product::{Product, Steps};
use crate::simd::{dispatch, padded};
use pulp::Arch;
use std::ops::Range;

/// Pixels of the output whose gradients stay in the second-level cache, for some channels.
const CACHED_PIXELS: usize = 512;

/// Rows of a sum that one task computes.
const TASK_ROWS: usize = 48;

/// `x [n, h, w, cin]`, `dy [n, oh, ow, cout]` -> `[cout, cin, k, k]`. A sum is `[ky][kx][cin][pitch]`.
pub struct KernelGradient {
    g: Geometry,
    images: Bordered,
    gradients: Bordered,
    /// Output channels, rounded up to whole vectors.
    pitch: usize,
}

impl KernelGradient {
    /// The gradient of a convolution.
    pub fn new(g: Geometry) -> Self {
        let pitch = padded(g.cout);
        let gradients = Bordered::gradients(g, [0, 0], pitch);
        Self { g, images: Bordered::inputs(g), gradients, pitch }
    }

    /// The gradient of kernels that do not stay in the cache, `[cout, cin, k, k]`. Each task computes some rows of
    /// the sum over all images, so that no sums are added in the end.
    pub fn of_batch(&self, x: &[f32], dy: &[f32], prologue: Option<InputAffine>) -> Vec<f32> {
        let Self { g, pitch, .. } = *self;
        let mut images = self.images.buffer(g.n);
        par::for_each_chunk(&mut images, self.images.size(), |n, to| {
            self.images.copy(n..n + 1, x, prologue, to);
        });
        let mut gradients = self.gradients.buffer(g.n);
        par::for_each_chunk(&mut gradients, self.gradients.size(), |n, to| {
            self.gradients.copy(n..n + 1, dy, None, to);
        });
        let segments = self.segments(g.n);
        let terms = g.kernel * g.cin;
        let mut sum = vec![0.0; self.size()];
        par::for_each_chunk(&mut sum, TASK_ROWS * pitch, |task, sum| {
            let mut row = task * TASK_ROWS;
            let mut rest = sum;
            // A task may cross from one row of the kernel to the next; terms are neighbours only within one.
            while !rest.is_empty() {
                let ky = row / terms;
                let first = row % terms;
                let count = (terms - first).min(rest.len() / pitch);
                let (sum, later) = rest.split_at_mut(count * pitch);
                let start = ky * self.images.row() + first;
                // So many rows of the output that their gradients stay in the cache.
                let factors = [&images[..], &gradients];
                for segments in segments.chunks(CACHED_PIXELS.div_ceil(g.out_width())) {
                    self.multiply(factors, segments, &[start], count, sum, true);
                }
                row += count;
                rest = later;
            }
        });
        self.finish(&sum)
    }

    /// Where each row of the output begins, in the images with their borders and in the gradients.
    fn segments(&self, images: usize) -> Vec<[usize; 2]> {
        let rows = self.g.out_height();
        let of_images = self.images.row_starts(images, rows, self.g.stride);
        let of_gradients = self.gradients.row_starts(images, rows, 1);
        of_images.into_iter().zip(of_gradients).map(|(image, gradient)| [image, gradient]).collect()
    }

    /// The products of `rows` terms from each of `starts` on, which are written to `sum` or added to it.
    fn multiply(
        &self,
        [images, gradients]: [&[f32]; 2],
        segments: &[[usize; 2]],
        starts: &[usize],
        rows: usize,
        sum: &mut [f32],
        accumulate: bool,
    ) {
        let Self { g, pitch, .. } = *self;
        let product = Product {
            a: images,
            b: gradients,
            out: sum,
            segments,
            length: g.out_width(),
            rows,
            columns: pitch,
            a_starts: starts,
            a_steps: Steps { row: 1, term: g.stride * g.cin, batch: 0 },
            b_steps: Steps { term: pitch, ..Steps::default() },
            out_steps: Steps { row: pitch, term: 0, batch: rows * pitch },
            accumulate,
        };
        dispatch(Arch::new(), product);
    }
}

impl KernelGradientStep for KernelGradient {
    fn together(&self) -> usize {
        together(self.g)
    }

    fn size(&self) -> usize {
        self.g.taps() * self.g.cin * self.pitch
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
        let mut bordered = self.images.buffer(images.len());
        let mut gradients = self.gradients.buffer(images.len());
        self.images.copy(images.clone(), x, prologue, &mut bordered);
        self.gradients.copy(images.clone(), dy, None, &mut gradients);
        let segments = self.segments(images.len());
        let starts: Vec<usize> = (0..g.kernel).map(|ky| ky * self.images.row()).collect();
        let factors = [&bordered[..], &gradients];
        self.multiply(factors, &segments, &starts, g.kernel * g.cin, sum, !first);
    }

    fn finish(&self, sum: &[f32]) -> Vec<f32> {
        let Self { g, pitch, .. } = *self;
        let mut dw = vec![0.0; g.cout * g.cin * g.taps()];
        for (k, values) in sum.chunks_exact(pitch).enumerate() {
            let tap = k / g.cin;
            let ci = k % g.cin;
            for (co, value) in values[..g.cout].iter().enumerate() {
                dw[(co * g.cin + ci) * g.taps() + tap] = *value;
            }
        }
        dw
    }
}
