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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{dispatch, padded};
    use pulp::Arch;

    /// Copies rows of the image `[[1, 2], [3, 4]]` to the rows 1 and after of a 4x4 buffer, from column 1 on.
    fn copied(from: Range<usize>, prologue: Option<InputAffine>, pitch: usize) -> Vec<f32> {
        let mut to = vec![f32::NAN; 16 * pitch];
        let copy = CopyRows {
            image: &[1.0, 2.0, 3.0, 4.0],
            width: 2,
            channels: 1,
            from,
            prologue,
            to: &mut to,
            top: 1,
            left: 1,
            rows: 4,
            columns: 4,
            pitch,
        };
        dispatch(Arch::new(), copy);
        to
    }

    /// A 4x4 buffer with these rows in the middle.
    fn framed(rows: [[f32; 2]; 2]) -> Vec<f32> {
        let [[a, b], [c, d]] = rows;
        [[0.0; 4], [0.0, a, b, 0.0], [0.0, c, d, 0.0], [0.0; 4]].concat()
    }

    #[test]
    fn an_image_gets_a_border_of_zeros() {
        assert_eq!(copied(0..2, None, 1), framed([[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(copied(1..2, None, 1), framed([[3.0, 4.0], [0.0, 0.0]]));
    }

    #[test]
    fn the_prologue_changes_the_image_and_not_the_border() {
        let affine = InputAffine { scale: &[-1.0], shift: &[3.0] };
        assert_eq!(copied(0..2, Some(affine), 1), framed([[2.0, 1.0], [0.0, 0.0]]));
    }

    #[test]
    fn the_rest_of_a_vector_of_channels_is_zero() {
        let pitch = padded(1);
        for pixel in copied(0..2, None, pitch).chunks(pitch) {
            assert!(pixel[1..].iter().all(|&value| value == 0.0), "{pixel:?}");
        }
        let first: Vec<f32> = copied(0..2, None, pitch).into_iter().step_by(pitch).collect();
        assert_eq!(first, framed([[1.0, 2.0], [3.0, 4.0]]));
    }
}
