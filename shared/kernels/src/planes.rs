//! Where a convolution's numbers lie: images as flat runs of zero-padded planes.
//!
//! One plane a channel and phase of the stride, all images of a run behind each other. Rows share
//! their padding: the zero at the start of a row is also the end of the row before, and the zero
//! row at the start of an image the end of the image before. Every tap of the kernel then is the
//! same flat run read from another offset, with few lanes wasted on padding.

use super::shuffle::part;
use super::simd::SLACK;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

/// Elements of a run: long enough that sums across a vector cost little, short enough for the cache.
const RUN: usize = 1300;

/// Shape of a convolution: batch `n`, `cin` channels of `height x width`, `cout` square kernels
/// of side `kernel` (1 or 3), zero padding `(kernel - 1) / 2`, `stride` 1 or 2.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub n: usize,
    pub cin: usize,
    pub cout: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl Geometry {
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    /// Elements of one input image.
    pub fn in_size(&self) -> usize {
        self.cin * self.height * self.width
    }

    /// Elements of one output image.
    pub fn out_size(&self) -> usize {
        self.cout * self.out_height() * self.out_width()
    }

    /// Zero rows and columns, on either side and beside every plane.
    pub fn pad(&self) -> usize {
        (self.kernel - 1) / 2
    }

    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Length of a row.
    pub fn pitch(&self) -> usize {
        self.out_width() + self.pad()
    }

    /// Length of one image in one plane.
    pub fn plane(&self) -> usize {
        (self.out_height() + self.pad()) * self.pitch()
    }

    /// Images computed in one run.
    pub fn images(&self) -> usize {
        (RUN / self.plane()).clamp(1, self.n.max(1))
    }

    /// Length of one plane for a whole run, with the padding after its last image.
    pub fn run(&self) -> usize {
        self.images() * self.plane() + self.pad() * (self.pitch() + 1)
    }

    /// Length of the run up to the last output of its first `count` images.
    pub fn length(&self, count: usize) -> usize {
        count * self.plane() - self.pad() * (self.pitch() + 1)
    }

    /// Phases of the stride along one side; a 1x1 kernel sees only the first.
    fn phases(&self) -> usize {
        self.stride.min(self.kernel)
    }

    /// Length of one channel: its planes, phase by phase.
    pub fn channel(&self) -> usize {
        self.phases() * self.phases() * self.run()
    }

    /// Offset of tap `t` (row by row) within a channel.
    pub fn tap(&self, t: usize) -> usize {
        let (ky, kx, s) = (t / self.kernel, t % self.kernel, self.stride);
        ((ky % s) * self.phases() + kx % s) * self.run() + (ky / s) * self.pitch() + kx / s
    }

    /// Zeroed room for the input channels of one run.
    pub fn inputs(&self) -> Vec<f32> {
        vec![0.0; self.cin * self.channel() + SLACK]
    }

    /// Zeroed room for `channels` output channels of one run.
    pub fn outputs(&self, channels: usize) -> Aligned {
        Aligned::new(channels * self.pitch_of_run())
    }

    /// Distance between the output channels of a run: whole vectors, so that they stay aligned.
    pub fn pitch_of_run(&self) -> usize {
        (self.run() + SLACK).next_multiple_of(LINE)
    }

    /// Copies a channel of image `i` of a run into the channel's planes; the padding is zero already
    /// and stays so.
    #[inline(always)]
    pub fn spread(&self, i: usize, channel: &[f32], planes: &mut [f32]) {
        let (s, pad, pitch) = (self.stride, self.pad(), self.pitch());
        for (y, row) in channel.chunks_exact(self.width).enumerate() {
            let start = i * self.plane() + (y + pad) / s * pitch;
            if s == 1 {
                planes[start + pad..][..self.width].copy_from_slice(row);
            } else if pad == 0 {
                if y % 2 == 0 {
                    for (to, pair) in planes[start..].iter_mut().zip(row.chunks(2)) {
                        *to = pair[0];
                    }
                }
            } else {
                // Padded columns 1, 3, ... are phase 1 from its start, 2, 4, ... phase 0 from 1.
                let phase = (y + 1) % 2 * 2;
                let (even, odd) = planes[phase * self.run()..].split_at_mut(self.run());
                part(row, &mut odd[start..], &mut even[start + 1..]);
            }
        }
    }

    /// Copies image `i`'s output gradient `[cout, oh, ow]` onto grids `distance` apart, `lead`
    /// rows and columns from the start.
    #[inline(always)]
    pub fn lay(&self, i: usize, gradient: &[f32], grids: &mut [f32], lead: usize, distance: usize) {
        let (ow, oh) = (self.out_width(), self.out_height());
        for (c, channel) in gradient.chunks_exact(oh * ow).enumerate() {
            for (y, row) in channel.chunks_exact(ow).enumerate() {
                let start = c * distance + i * self.plane() + (y + lead) * self.pitch() + lead;
                grids[start..start + ow].copy_from_slice(row);
            }
        }
    }
}

/// Numbers of a cache line.
pub const LINE: usize = 16;

/// Zeroed numbers that begin with a cache line: a vector that straddles two costs two reads.
pub struct Aligned {
    room: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    pub fn new(length: usize) -> Self {
        let room = vec![0.0f32; length + LINE];
        let start = room.as_ptr().align_offset(4 * LINE).min(LINE);
        Self { room, start, length }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.room[self.start..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.room[self.start..][..self.length]
    }
}

/// Writes `edit(value)` of `from` into `to`.
#[inline(always)]
pub fn put(to: &mut [MaybeUninit<f32>], from: &[f32], edit: impl Fn(f32) -> f32) {
    for (to, &x) in to.iter_mut().zip(from) {
        to.write(edit(x));
    }
}
