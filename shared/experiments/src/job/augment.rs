//! Augmentation of training images: a pure function of (seed, phase, epoch, image).

use serde::{Deserialize, Serialize};
use unstamp_data::seed::Stream;

/// Random crop, mirror and Cutout ([DeVries & Taylor 2017](https://arxiv.org/abs/1708.04552)), in
/// this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Zero padding of the random crop; 0 for none.
    pub crop: usize,
    /// Mirror half of the images.
    pub flip: bool,
    /// Side of the blanked square; 0 for none. A length of 9 blanks 9x9 (the public code, which
    /// halves with integer division, blanks 8x8: ask for 8 to get that). Its centre is uniform in
    /// the image, so it is cut off at the edges; blank is 0, black.
    pub cutout: usize,
}

impl Augment {
    /// Changes an RGB image of `width x height` in place.
    pub fn apply(&self, pixels: &mut [u8], width: usize, height: usize, random: &mut Stream) {
        if self.crop > 0 {
            let dy = random.below(2 * self.crop + 1) as isize - self.crop as isize;
            let dx = random.below(2 * self.crop + 1) as isize - self.crop as isize;
            shift(pixels, width, height, dx, dy);
        }
        if self.flip && random.below(2) == 1 {
            for row in pixels.chunks_exact_mut(3 * width) {
                for x in 0..width / 2 {
                    for c in 0..3 {
                        row.swap(3 * x + c, 3 * (width - 1 - x) + c);
                    }
                }
            }
        }
        if self.cutout > 0 {
            let rows = self.blank(random.below(height), height);
            let columns = self.blank(random.below(width), width);
            for y in rows {
                pixels[3 * (y * width + columns.start)..3 * (y * width + columns.end)].fill(0);
            }
        }
    }

    /// Rows or columns of the blank square around `centre`, cut off at the edges.
    fn blank(&self, centre: usize, side: usize) -> std::ops::Range<usize> {
        let start = centre.saturating_sub(self.cutout / 2);
        let end = centre + self.cutout - self.cutout / 2;
        start..end.min(side)
    }
}

/// Moves the image by `(dx, dy)` over a black ground.
fn shift(pixels: &mut [u8], width: usize, height: usize, dx: isize, dy: isize) {
    let before = pixels.to_vec();
    pixels.fill(0);
    let inside = |at: isize, side: usize| usize::try_from(at).ok().filter(|at| *at < side);
    for y in 0..height {
        let Some(from_y) = inside(y as isize + dy, height) else { continue };
        for x in 0..width {
            if let Some(from_x) = inside(x as isize + dx, width) {
                let to = 3 * (y * width + x);
                let from = 3 * (from_y * width + from_x);
                pixels[to..to + 3].copy_from_slice(&before[from..from + 3]);
            }
        }
    }
}
