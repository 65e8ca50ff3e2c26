//! The output of a convolution.

use super::bordered::Bordered;
use super::write::WritePixels;
use super::{pack, together};
use crate::buffer::Buffer;
use crate::conv::{CACHED, ImageStep};
use crate::fused::Fused;
use crate::geometry::Geometry;
use crate::product::{Product, Steps};
use crate::simd::{dispatch, padded};
use pulp::Arch;
use std::mem::MaybeUninit;
use std::ops::Range;

/// `x [n, h, w, cin]` -> `[n, oh, ow, cout]`.
pub struct Forward {
    g: Geometry,
    images: Bordered,
    /// Numbers of an output pixel: whole vectors.
    pitch: usize,
    /// `[ky][kx][cin][pitch]`.
    packed: Vec<f32>,
    /// Where each row of the kernel begins, in an image with its border and in the weights.
    segments: Vec<[usize; 2]>,
}

impl Forward {
    /// The convolution with `weight [cout, cin, k, k]`.
    pub fn new(g: Geometry, weight: &[f32]) -> Self {
        let pitch = padded(g.cout);
        let terms = g.kernel * g.cin;
        let images = Bordered::inputs(g);
        let packed = pack(g.cout, g.kernel * terms, pitch, |co, k| {
            weight[(co * g.cin + k % g.cin) * g.taps() + k / g.cin]
        });
        let segments = (0..g.kernel).map(|ky| [ky * images.row(), ky * terms * pitch]);
        Self { g, images, pitch, packed, segments: segments.collect() }
    }

    /// Rows of the kernel that one product sums: all, unless their weights would not stay in the second-level
    /// cache.
    fn rows_together(&self) -> usize {
        if self.packed.len() > CACHED { 1 } else { self.g.kernel }
    }
}

// SAFETY: the rows of all images cover the output, and `WritePixels` writes every channel of every pixel.
unsafe impl ImageStep for Forward {
    fn together(&self) -> usize {
        together(self.g)
    }

    fn run(&self, images: Range<usize>, x: &[f32], fused: Fused, out: &mut [MaybeUninit<f32>]) {
        let arch = Arch::new();
        let Self { g, pitch, .. } = *self;
        let [oh, ow] = [g.out_height(), g.out_width()];
        let mut bordered = self.images.buffer(images.len());
        let mut outputs = Buffer::new(images.len() * oh * ow * pitch);
        self.images.copy(images.clone(), x, fused.prologue, &mut bordered);
        let starts = self.images.row_starts(images.len(), oh, g.stride);
        for (i, segments) in self.segments.chunks(self.rows_together()).enumerate() {
            let product = Product {
                a: &bordered,
                b: &self.packed,
                out: &mut outputs,
                segments,
                length: g.kernel * g.cin,
                rows: ow,
                columns: pitch,
                a_starts: &starts,
                a_steps: Steps { row: g.stride * g.cin, term: 1, batch: 0 },
                b_steps: Steps { term: pitch, ..Steps::default() },
                out_steps: Steps { row: pitch, term: 0, batch: ow * pitch },
                accumulate: i > 0,
            };
            dispatch(arch, product);
        }
        let write = WritePixels {
            from: &outputs,
            pitch,
            pixels: images.len() * oh * ow,
            channels: g.cout,
            step: g.cout,
            to: out,
            epilogue: fused.epilogue,
            index: images.start * g.out_size(),
        };
        dispatch(arch, write);
    }
}
