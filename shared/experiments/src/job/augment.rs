//! Augmentation of training images: a pure function of (seed, phase, epoch, image).

use serde::{Deserialize, Serialize};
use unstamp_data::seed::Stream;

/// Random crop, mirror and Cutout ([DeVries & Taylor 2017](https://arxiv.org/abs/1708.04552)), in
/// this order.
///
/// # Examples
///
/// ```
/// use unstamp_data::seed::Seed;
/// use unstamp_experiments::job::Augment;
///
/// // A square of 3x3 in an image of 3x3, whose centre may be at its corner: 4 to 9 pixels are black.
/// let mut pixels = vec![255; 3 * 9];
/// let augment = Augment { cutout: 3, ..Augment::default() };
/// augment.apply(&mut pixels, 3, 3, &mut Seed(0).stream("augment", &[]));
/// let black = pixels.iter().filter(|value| **value == 0).count() / 3;
/// assert!((4..=9).contains(&black));
/// ```
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
    /// Changes an RGB image of `width x height` in place. Draws from `random`, each only where it
    /// is needed: the crop's `dy` and `dx`, whether to mirror, row and column of the square.
    pub fn apply(&self, pixels: &mut [u8], width: usize, height: usize, random: &mut Stream) {
        if self.crop > 0 {
            let dy = random.below(2 * self.crop + 1) as isize - self.crop as isize;
            let dx = random.below(2 * self.crop + 1) as isize - self.crop as isize;
            crop(pixels, width, height, dx, dy);
        }
        if self.flip && random.below(2) == 1 {
            mirror(pixels, width);
        }
        if self.cutout > 0 {
            let y = random.below(height);
            let x = random.below(width);
            cutout(pixels, width, height, [x, y], self.cutout);
        }
    }
}

/// Cuts a window of the same size out of an RGB image with black around it, in place: pixel `(x, y)`
/// becomes what was at `(x + dx, y + dy)`.
pub fn crop(pixels: &mut [u8], width: usize, height: usize, dx: isize, dy: isize) {
    let before = pixels.to_vec();
    pixels.fill(0);
    // Of each side: where the visible part begins in the new image and in the old one, and its length.
    let visible = |side: usize, offset: isize| {
        let distance = offset.unsigned_abs().min(side);
        let [to, from] = if offset < 0 { [distance, 0] } else { [0, distance] };
        [to, from, side - distance]
    };
    let [left, from_left, columns] = visible(width, dx);
    let [top, from_top, rows] = visible(height, dy);
    for row in 0..rows {
        let to = 3 * ((top + row) * width + left);
        let from = 3 * ((from_top + row) * width + from_left);
        pixels[to..to + 3 * columns].copy_from_slice(&before[from..from + 3 * columns]);
    }
}

/// Mirrors an RGB image in place: its left column becomes its right one.
pub fn mirror(pixels: &mut [u8], width: usize) {
    for row in pixels.chunks_exact_mut(3 * width) {
        for x in 0..width / 2 {
            for c in 0..3 {
                row.swap(3 * x + c, 3 * (width - 1 - x) + c);
            }
        }
    }
}

/// Blanks the `side x side` square around `centre` (column, row) of an RGB image in place, as far as
/// it lies in the image. Of an even side, the centre is the pixel right of and below the middle.
pub fn cutout(pixels: &mut [u8], width: usize, height: usize, centre: [usize; 2], side: usize) {
    let span = |at: usize, size: usize| {
        let start = at.saturating_sub(side / 2);
        let end = (at + side - side / 2).min(size);
        start..end
    };
    let [x, y] = centre;
    let columns = span(x, width);
    for row in span(y, height) {
        pixels[3 * (row * width + columns.start)..3 * (row * width + columns.end)].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_beside_the_image_is_black() {
        let width = 4;
        let height = 3;
        for (dx, dy) in [(4, 0), (-5, 0), (0, 3), (0, -9)] {
            let mut pixels = vec![7; 3 * width * height];
            crop(&mut pixels, width, height, dx, dy);
            assert_eq!(pixels, vec![0; 3 * width * height], "{dx} {dy}");
        }
    }

    #[test]
    fn a_window_shows_the_pixels_at_its_offset() {
        let mut pixels: Vec<u8> = (1..=12).flat_map(|pixel| [pixel; 3]).collect();
        crop(&mut pixels, 4, 3, 1, -1);
        let expected = [0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0].map(|pixel| [pixel; 3]).concat();
        assert_eq!(pixels, expected);
    }
}
