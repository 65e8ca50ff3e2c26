//! Copies of images with a border of zeros, after the prologue.

use crate::fused::InputAffine;
use crate::simd::{load_part, store, store_part};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Copies rows of an image `[height, width, channels]` into a buffer of `rows` rows of `columns` pixels of
/// `pitch` numbers, after the prologue. What the image does not cover becomes zero, and so do the numbers of a
/// pixel past its channels, up to the end of the last vector that holds one; the rest keeps its value.
pub struct CopyRows<'a> {
    /// The image.
    pub image: &'a [f32],
    /// Columns of the image.
    pub width: usize,
    /// Channels of the image.
    pub channels: usize,
    /// Rows of the image that are copied.
    pub from: Range<usize>,
    /// Applied to every pixel of the image.
    pub prologue: Option<InputAffine<'a>>,
    /// `[rows][columns][pitch]`.
    pub to: &'a mut [f32],
    /// Rows of zeros before the first row.
    pub top: usize,
    /// Columns of zeros before the first column.
    pub left: usize,
    /// Rows of the buffer.
    pub rows: usize,
    /// Columns of the buffer.
    pub columns: usize,
    /// Numbers of a pixel of the buffer: at least the channels; if it is more, a multiple of the lanes.
    pub pitch: usize,
}

impl CopyRows<'_> {
    /// A row of the image.
    ///
    /// # Safety
    /// `from` holds `width` pixels of `channels` numbers, and `to` as many of `pitch` numbers.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, simd: S, from: *const f32, to: *mut f32) {
        let Self { channels, pitch, .. } = *self;
        let lanes = S::F32_LANES;
        if self.prologue.is_none() && channels == pitch {
            // SAFETY: pixels have the same distance on both sides.
            unsafe { std::ptr::copy_nonoverlapping(from, to, self.width * channels) };
            return;
        }
        for channel in (0..channels).step_by(lanes) {
            let count = channels - channel;
            let map = self.prologue.map(|prologue| prologue.vector(simd, channel));
            for pixel in 0..self.width {
                // SAFETY: `count` channels are left in both pixels. If the pitch is above the number of
                // channels it is a multiple of the lanes, so that a whole vector lies within the pixel.
                unsafe {
                    let value = load_part(simd, from.add(pixel * channels + channel), count);
                    let value = match &map {
                        // Past the last channel, scale and shift are zero, and so is the result.
                        Some(map) => map(value),
                        None => value,
                    };
                    let to = to.add(pixel * pitch + channel);
                    if channel + lanes <= pitch {
                        store::<S>(to, value);
                    } else {
                        store_part::<S>(to, count, value);
                    }
                }
            }
        }
    }
}

impl WithSimd for CopyRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { width, channels, top, left, rows, columns, pitch, .. } = self;
        let count = self.from.len();
        assert!(self.to.len() >= rows * columns * pitch && pitch >= channels);
        assert!(pitch == channels || pitch.is_multiple_of(S::F32_LANES));
        assert!(top + count <= rows && left + width <= columns);
        let image = &self.image[self.from.start * width * channels..][..count * width * channels];
        let right = columns - left - width;
        let row = columns * pitch;
        let to = self.to.as_mut_ptr();
        // SAFETY: the assertions bound every row of the buffer; the slice holds all rows of the image.
        unsafe {
            to.write_bytes(0, top * row);
            for y in 0..count {
                let to = to.add((top + y) * row);
                to.write_bytes(0, left * pitch);
                self.row(simd, image.as_ptr().add(y * width * channels), to.add(left * pitch));
                to.add((left + width) * pitch).write_bytes(0, right * pitch);
            }
            to.add((top + count) * row).write_bytes(0, (rows - top - count) * row);
        }
    }
}
