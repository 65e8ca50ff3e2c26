//! Writes computed rows of pixels, with the epilogue.

use crate::fused::{Added, Biased, Epilogue, Plain, VectorEpilogue};
use crate::simd::{load, store_part};
use pulp::{Simd, WithSimd};
use std::mem::MaybeUninit;

/// Writes `pixels` neighbouring pixels `[pixel][pitch]` to pixels of an image that are `step` numbers apart.
pub struct WritePixels<'a> {
    /// `[pixels][pitch]`.
    pub from: &'a [f32],
    /// Distance between the pixels of `from`, a multiple of the lanes.
    pub pitch: usize,
    /// Number of pixels.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Distance between the pixels of `to`.
    pub step: usize,
    /// The output, from the first pixel on.
    pub to: &'a mut [MaybeUninit<f32>],
    /// Applied to every pixel.
    pub epilogue: Epilogue<'a>,
    /// Index of the first pixel in the whole output, for the epilogue; `step` is then `channels`.
    pub index: usize,
}

impl WritePixels<'_> {
    /// All pixels.
    ///
    /// # Safety
    /// The assertions of `with_simd` below hold.
    #[inline(always)]
    unsafe fn run<S: Simd>(self, simd: S, epilogue: impl VectorEpilogue) {
        let Self { pitch, pixels, channels, step, index, .. } = self;
        let from = self.from.as_ptr();
        let to = self.to.as_mut_ptr().cast::<f32>();
        for channel in (0..channels).step_by(S::F32_LANES) {
            let count = channels - channel;
            // SAFETY: the assertions say that the epilogue covers the output.
            let epilogue = unsafe { epilogue.of(simd, channel) };
            for pixel in 0..pixels {
                let at = pixel * step + channel;
                // SAFETY: the assertions bound the vector in `from` and the channels in `to`.
                unsafe {
                    let value = load::<S>(from.add(pixel * pitch + channel));
                    store_part::<S>(to.add(at), count, epilogue(index + at, count, value));
                }
            }
        }
    }
}

impl WithSimd for WritePixels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pitch, pixels, channels, step, epilogue, index, .. } = self;
        if pixels == 0 {
            return;
        }
        let length = (pixels - 1) * step + channels;
        assert!(self.from.len() >= pixels * pitch);
        assert!(channels.next_multiple_of(S::F32_LANES) <= pitch && self.to.len() >= length);
        assert!(epilogue.covers(index + length, channels));
        // SAFETY: the assertions above.
        unsafe {
            match epilogue {
                Epilogue::None => self.run(simd, Plain),
                Epilogue::Bias { bias, relu } => self.run(simd, Biased { bias, relu }),
                Epilogue::Skip(skip) => self.run(simd, Added(skip)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{dispatch, padded};
    use pulp::Arch;

    /// Two pixels of three channels, written five numbers apart.
    fn written(epilogue: Epilogue, step: usize) -> Vec<f32> {
        let pitch = padded(3);
        let mut from = vec![f32::NAN; 2 * pitch];
        from[..3].copy_from_slice(&[1.0, 2.0, 3.0]);
        from[pitch..pitch + 3].copy_from_slice(&[4.0, 5.0, 6.0]);
        let mut to = vec![MaybeUninit::new(-1.0); 9];
        let write = WritePixels {
            from: &from,
            pitch,
            pixels: 2,
            channels: 3,
            step,
            to: &mut to,
            epilogue,
            index: 0,
        };
        dispatch(Arch::new(), write);
        // SAFETY: every number was there from the beginning.
        to.into_iter().map(|value| unsafe { value.assume_init() }).collect()
    }

    #[test]
    fn numbers_between_the_pixels_stay() {
        let expected = [1.0, 2.0, 3.0, -1.0, -1.0, 4.0, 5.0, 6.0, -1.0];
        assert_eq!(written(Epilogue::None, 5), expected);
    }

    #[test]
    fn epilogues_follow_channels_and_pixels() {
        let bias = Epilogue::Bias { bias: &[10.0, 20.0, -4.0], relu: true };
        assert_eq!(written(bias, 3)[..6], [11.0, 22.0, 0.0, 14.0, 25.0, 2.0]);
        let skip = Epilogue::Skip(&[1.0, 0.0, 0.0, 0.0, 0.0, -6.0]);
        assert_eq!(written(skip, 3)[..6], [2.0, 2.0, 3.0, 4.0, 5.0, 0.0]);
    }
}
