//! The transform of the tiles of an output's gradient, `A y A^T`.

use super::matrices::{ELEMENTS, INPUTS, OUTPUTS, gradient_transform, transform_2d};
use crate::shuffle::deinterleave4;
use crate::simd::SLACK;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The tiles of one channel of a gradient, pixel by pixel: `[pixel][PITCH]`. Pixels past the
/// image's edge are zero.
pub struct GradientPixels<const PITCH: usize>(Vec<f32>);

impl<const PITCH: usize> GradientPixels<PITCH> {
    /// Zeros.
    pub fn new() -> Self {
        Self(vec![0.0; OUTPUTS * OUTPUTS * PITCH])
    }

    /// Copies these rows of tiles from a channel with rows of `width` pixels.
    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize, rows: Range<usize>) {
        let columns = width.div_ceil(OUTPUTS);
        let mut pixels = channel.chunks_exact(width).skip(OUTPUTS * rows.start);
        for y in 0..OUTPUTS * rows.len() {
            let parts = &mut self.0[y % OUTPUTS * OUTPUTS * PITCH + y / OUTPUTS * columns..];
            let (part0, rest) = parts.split_at_mut(PITCH);
            let (part1, rest) = rest.split_at_mut(PITCH);
            let (part2, part3) = rest.split_at_mut(PITCH);
            let parts = [part0, part1, part2, part3];
            match pixels.next() {
                Some(row) => deinterleave4(row, parts),
                None => parts.into_iter().for_each(|part| part[..columns].fill(0.0)),
            }
        }
    }
}

/// `A y A^T` of every tile of a channel of the gradient.
pub struct GradientTransform<'a, const PITCH: usize> {
    /// The tiles.
    pub pixels: &'a GradientPixels<PITCH>,
    /// `[element][PITCH]`, beginning with element 0 of the first tile.
    pub out: &'a mut [f32],
    /// Tiles.
    pub length: usize,
}

impl<const PITCH: usize> WithSimd for GradientTransform<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.length.next_multiple_of(lanes) <= PITCH && lanes <= SLACK);
        assert!(self.out.len() >= (ELEMENTS - 1) * PITCH + self.length + SLACK);
        let mut p = 0;
        while p < self.length {
            // SAFETY: a vector reads up to `length` rounded up, which is at most PITCH, of the 16
            // pixels that `pixels` always holds. The last vector writes less than SLACK elements
            // past `length`, which `out` covers.
            unsafe {
                let from = self.pixels.0.as_ptr().add(p);
                transform_2d::<S, OUTPUTS, INPUTS, PITCH>(
                    simd,
                    #[inline(always)]
                    |x| gradient_transform(simd, x),
                    #[inline(always)]
                    |i, j| from.add((OUTPUTS * i + j) * PITCH),
                    self.out.as_mut_ptr().add(p),
                );
            }
            p += lanes;
        }
    }
}
