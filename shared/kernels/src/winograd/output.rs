//! The transform of products to output tiles, `A^T m A`.

use super::matrices::{ELEMENTS, INPUTS, OUTPUTS, output_transform, transform_2d};
use pulp::{Simd, WithSimd};

/// `A^T m A` of every tile of a channel. The result is stored pixel by pixel of the tile.
pub struct OutputTransform<'a, const PITCH: usize> {
    /// `[element][PITCH]`.
    pub products: &'a [f32],
    /// `[pixel][PITCH]`.
    pub pixels: &'a mut [f32],
    /// Tiles.
    pub length: usize,
}

impl<const PITCH: usize> WithSimd for OutputTransform<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.length.next_multiple_of(lanes) <= PITCH);
        assert!(self.products.len() >= ELEMENTS * PITCH);
        assert!(self.pixels.len() >= OUTPUTS * OUTPUTS * PITCH);
        let mut p = 0;
        while p < self.length {
            // SAFETY: a vector ends within `length` rounded up, which is at most PITCH, and the
            // assertions above bound the elements and the pixels.
            unsafe {
                let from = self.products.as_ptr().add(p);
                transform_2d::<S, INPUTS, OUTPUTS, PITCH>(
                    simd,
                    #[inline(always)]
                    |x| output_transform(simd, x),
                    #[inline(always)]
                    |i, j| from.add((INPUTS * i + j) * PITCH),
                    self.pixels.as_mut_ptr().add(p),
                );
            }
            p += lanes;
        }
    }
}
