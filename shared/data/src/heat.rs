//! Attention maps as colours over an image.

use crate::image::Image;
use serde::{Deserialize, Serialize};

/// An attention map of an image: for each position, the sum of squared activations over channels. All
/// values are divided by their Euclidean norm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttentionMap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row by row.
    pub values: Vec<f32>,
}

/// Colours from dark violet over red to pale yellow. Lightness rises along them, so the order can
/// be read without colour vision.
const STOPS: [[f32; 3]; 5] = [
    [20.0, 11.0, 53.0],
    [101.0, 21.0, 110.0],
    [188.0, 55.0, 84.0],
    [249.0, 142.0, 9.0],
    [252.0, 255.0, 164.0],
];

/// The colour of `t` in 0..1, in bytes, between the two nearest of [`STOPS`].
fn heat(t: f32) -> [f32; 3] {
    let at = t.clamp(0.0, 1.0) * 4.0;
    let i = (at as usize).min(3);
    let share = at - i as f32;
    [0, 1, 2].map(|c| STOPS[i][c] + share * (STOPS[i + 1][c] - STOPS[i][c]))
}

/// A map of `width` by `height` cells, row by row, over the grey image. The largest cell gets the
/// last colour. A cell covers its share of the image's pixels; a missing cell counts as 0.
pub fn over(under: &Image, map: &[f32], width: usize, height: usize) -> Image {
    let largest = map.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut over = under.clone();
    for y in 0..under.height {
        for x in 0..under.width {
            let cell = (y * height / under.height) * width + x * width / under.width;
            let t = map.get(cell).copied().unwrap_or(0.0) / largest;
            let [r, g, b] = under.get(x, y).map(f32::from);
            let grey = 0.3 * r + 0.6 * g + 0.1 * b;
            over.set(x, y, heat(t).map(|v| (0.72 * v + 0.28 * grey) as u8));
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_not_square_covers_an_image_that_is_not_square() {
        // 3x1 cells over 6x2 pixels: two columns a cell.
        let shown = over(&Image::new(6, 2), &[0.0, 1.0, 2.0], 3, 1);
        let mixed = |t: f32| heat(t).map(|v| (0.72 * v) as u8);
        for y in 0..2 {
            for x in 0..6 {
                assert_eq!(shown.get(x, y), mixed([0.0, 0.5, 1.0][x / 2]), "pixel {x}, {y}");
            }
        }
    }

    #[test]
    fn an_empty_map_is_the_first_colour() {
        let shown = over(&Image::new(2, 2), &[], 0, 0);
        assert_eq!(shown.get(1, 1), STOPS[0].map(|v| (0.72 * v) as u8));
    }
}
