//! Shape of a convolution, and the memory layout of the direct path: zero-padded planes.
//!
//! Terms:
//! - A **phase** is the set of padded pixels whose row and column have given remainders modulo the
//!   stride. Stride 1 has one phase. Stride 2 has four, of which a 1x1 kernel reads only the first.
//! - A **plane** holds one phase of one input channel, for all images of a group.
//! - A **group** is the images that are computed together: as many as fit in about
//!   [`GROUP_LENGTH`] elements of a plane, at least one.
//! - A **tap** is one of the `kernel * kernel` positions of a kernel.
//! - The **row pitch** is the distance between the starts of two adjacent rows.
//!
//! Adjacent rows and images share their padding. With stride 1, kernel 3, images of 3x4 pixels and
//! a group of two images `a` and `b`, a plane is (row pitch 5, 46 elements):
//!
//! ```text
//!   0   0   0   0   0       zero row above a
//!   0 a00 a01 a02 a03       the zero before a00 is the left padding of this row;
//!   0 a10 a11 a12 a13       the zero before a10 is its left padding and the right padding of row 0
//!   0 a20 a21 a22 a23
//!   0   0   0   0   0       zero row below a and above b
//!   0 b00 b01 b02 b03
//!   0 b10 b11 b12 b13
//!   0 b20 b21 b22 b23
//!   0   0   0   0   0   0   zero row below b, and the right padding of its last element
//! ```
//!
//! Output pixel `(y, x)` of image `i` stands at `i * image_length + y * pitch + x` of an output
//! grid with the same row pitch. Tap `(ky, kx)` of every output then is the same flat vector, read
//! from offset `ky * pitch + kx`. The columns of the grid that are not pixels of the output (here
//! the fifth) are computed and ignored.
//!
//! With stride 2 and kernel 3, the rows and columns of the padded image are distributed to four planes by
//! their parity. Along one row of four pixels:
//!
//! ```text
//!   padded row       0 x0 x1 x2 x3 0
//!   column phase 0   0 x1 x3             taps kx = 0 (from its start) and kx = 2 (from offset 1)
//!   column phase 1  x0 x2  0             tap  kx = 1
//! ```

use super::aligned::{Aligned, CACHE_LINE};
use super::shuffle::deinterleave2;
use super::simd::SLACK;

/// Elements of a plane that a group aims at: long enough that sums across a vector cost little,
/// short enough for the cache.
const GROUP_LENGTH: usize = 1300;

/// Shape of a convolution with square kernels and zero padding `(kernel - 1) / 2`.
///
/// Every field but `n` is at least 1. The CPU kernels support `kernel` 1 or 3 and `stride` 1 or 2,
/// with any number of channels and any height and width.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images in the batch.
    pub n: usize,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Side of a kernel.
    pub kernel: usize,
    /// Distance between two outputs, in input pixels.
    pub stride: usize,
}

impl Geometry {
    /// Rows of an output image, `(height - 1) / stride + 1`.
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    /// Columns of an output image, `(width - 1) / stride + 1`.
    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    /// Elements of one input image.
    pub(crate) fn in_size(&self) -> usize {
        self.cin * self.height * self.width
    }

    /// Elements of one output image.
    pub(crate) fn out_size(&self) -> usize {
        self.cout * self.out_height() * self.out_width()
    }

    /// Zero rows and columns on each side of an image.
    pub(crate) fn pad(&self) -> usize {
        (self.kernel - 1) / 2
    }

    /// Number of taps.
    pub(crate) fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Row pitch of planes and output grids.
    pub(crate) fn row_pitch(&self) -> usize {
        self.out_width() + self.pad()
    }

    /// Length of one image in a plane.
    pub(crate) fn image_length(&self) -> usize {
        (self.out_height() + self.pad()) * self.row_pitch()
    }

    /// Images in a group.
    pub(crate) fn group_images(&self) -> usize {
        (GROUP_LENGTH / self.image_length()).clamp(1, self.n.max(1))
    }

    /// Length of a plane: a group of images and the padding after the last one.
    pub(crate) fn plane_length(&self) -> usize {
        self.group_images() * self.image_length() + self.pad() * (self.row_pitch() + 1)
    }

    /// Length of an output grid up to the last output pixel of its first `count` images.
    pub(crate) fn grid_length(&self, count: usize) -> usize {
        count * self.image_length() - self.pad() * (self.row_pitch() + 1)
    }

    /// Phases along one side.
    fn phases(&self) -> usize {
        self.stride.min(self.kernel)
    }

    /// Length of the planes of one channel, phase after phase.
    pub(crate) fn channel_length(&self) -> usize {
        self.phases() * self.phases() * self.plane_length()
    }

    /// Offset of each tap of each input channel, `[cin][taps]`, in the planes of all channels.
    pub(crate) fn tap_offsets(&self) -> Vec<usize> {
        let s = self.stride;
        let offset = |t: usize| {
            let ky = t / self.kernel;
            let kx = t % self.kernel;
            ((ky % s) * self.phases() + kx % s) * self.plane_length()
                + (ky / s) * self.row_pitch()
                + kx / s
        };
        let taps: Vec<usize> = (0..self.taps()).map(offset).collect();
        let channels = (0..self.cin).map(|c| c * self.channel_length());
        channels.flat_map(|channel| taps.iter().map(move |tap| channel + tap)).collect()
    }

    /// Zeroed planes for all input channels of one group.
    pub(crate) fn input_planes(&self) -> Vec<f32> {
        vec![0.0; self.cin * self.channel_length() + SLACK]
    }

    /// Zeroed output grids for `channels` output channels of one group.
    pub(crate) fn output_grids(&self, channels: usize) -> Aligned {
        Aligned::new(channels * self.grid_pitch())
    }

    /// Distance between two output grids: whole cache lines, so that each grid begins on one.
    pub(crate) fn grid_pitch(&self) -> usize {
        (self.plane_length() + SLACK).next_multiple_of(CACHE_LINE)
    }

    /// Copies a channel of image `i` of a group into the channel's planes. The padding must be zero
    /// and stays so.
    #[inline(always)]
    pub(crate) fn copy_channel(&self, i: usize, channel: &[f32], planes: &mut [f32]) {
        let s = self.stride;
        let pad = self.pad();
        let pitch = self.row_pitch();
        for (y, row) in channel.chunks_exact(self.width).enumerate() {
            let start = i * self.image_length() + (y + pad) / s * pitch;
            if s == 1 {
                planes[start + pad..][..self.width].copy_from_slice(row);
            } else if pad == 0 {
                if y % 2 == 0 {
                    for (to, pair) in planes[start..].iter_mut().zip(row.chunks(2)) {
                        *to = pair[0];
                    }
                }
            } else {
                // Pixels 0, 2, ... stand in padded columns 1, 3, ...: column phase 1, from its
                // start. Pixels 1, 3, ... stand in padded columns 2, 4, ...: column phase 0, from
                // element 1.
                let phase = (y + 1) % 2 * 2;
                let planes = &mut planes[phase * self.plane_length()..];
                let (phase0, phase1) = planes.split_at_mut(self.plane_length());
                deinterleave2(row, &mut phase1[start..], &mut phase0[start + 1..]);
            }
        }
    }

    /// Copies image `i`'s output gradient `[cout, oh, ow]` onto grids that are `distance` apart,
    /// shifted by `lead` rows and columns.
    #[inline(always)]
    pub(crate) fn copy_gradient(
        &self,
        i: usize,
        gradient: &[f32],
        grids: &mut [f32],
        lead: usize,
        distance: usize,
    ) {
        let ow = self.out_width();
        let oh = self.out_height();
        for (c, channel) in gradient.chunks_exact(oh * ow).enumerate() {
            for (y, row) in channel.chunks_exact(ow).enumerate() {
                let image = c * distance + i * self.image_length();
                let start = image + (y + lead) * self.row_pitch() + lead;
                grids[start..start + ow].copy_from_slice(row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tap of every output pixel must find its padded pixel at the promised offset.
    #[test]
    fn taps_read_the_padded_pixels() {
        for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2)] {
            for (height, width) in [(1, 1), (1, 7), (6, 1), (5, 8), (8, 19), (40, 50)] {
                let g = Geometry { n: 2, cin: 1, cout: 1, height, width, kernel, stride };
                let channel: Vec<f32> = (1..=height * width).map(|v| v as f32).collect();
                for image in 0..g.group_images() {
                    let mut planes = g.input_planes();
                    g.copy_channel(image, &channel, &mut planes);
                    check(g, image, &channel, &planes);
                }
            }
        }
    }

    fn check(g: Geometry, image: usize, channel: &[f32], planes: &[f32]) {
        for (t, offset) in g.tap_offsets().into_iter().take(g.taps()).enumerate() {
            for y in 0..g.out_height() {
                for x in 0..g.out_width() {
                    let row = (y * g.stride + t / g.kernel).checked_sub(g.pad());
                    let column = (x * g.stride + t % g.kernel).checked_sub(g.pad());
                    let expected = match (row, column) {
                        (Some(r), Some(c)) if r < g.height && c < g.width => {
                            channel[r * g.width + c]
                        }
                        _ => 0.0,
                    };
                    let at = image * g.image_length() + y * g.row_pitch() + x;
                    assert!(at < g.grid_length(image + 1), "{g:?}");
                    assert_eq!(planes[offset + at], expected, "{g:?} tap {t} at {y}, {x}");
                }
            }
        }
    }
}
