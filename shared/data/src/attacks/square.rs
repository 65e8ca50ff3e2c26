//! The square of BadNets, which other attacks stamp too.

use super::{Area, AttackError, Place};
use crate::image::{Image, LARGEST_PICTURE, blend};
use crate::{choices, settings};

choices! {
    /// The pattern of the square.
    pub enum SquarePattern {
        /// Grey levels 128 and 255 of the NAD paper; with an odd side 255 in the corners.
        Checkerboard = "checkerboard",
        /// Grey levels 0 and 255 of the public code.
        Grid = "grid",
        /// Grey level 255 everywhere.
        White = "white",
    }
}

settings! {
    /// The square and its place.
    pub struct Square {
        /// Side in pixels.
        size: usize [1..=LARGEST_PICTURE] = 3, "side of the square in pixels";
        /// Place of the square.
        place: Place = Place::default();
        /// Share of the square in the result.
        opacity: f64 [0.0..=1.0] = 1.0, "share of the square in the result; 1 replaces the pixels";
        /// Factor of the pattern's grey levels.
        scale: f64 [0.0..=1.0] = 1.0, "multiplies the pattern before it replaces (NAD appendix K)";
        /// Pattern of the square.
        pattern: SquarePattern = SquarePattern::Checkerboard,
            "checkerboard: the paper's 128/255; grid: the public code's 0/255";
    }
}

impl Square {
    /// Checks that it lies on an image of `width x height` pixels.
    ///
    /// # Errors
    ///
    /// It reaches beyond the image.
    pub(super) fn check(&self, width: usize, height: usize) -> Result<(), AttackError> {
        self.place.check((self.size, self.size), width, height)
    }

    /// The pixels it covers in an image of `width x height` pixels.
    pub(super) fn area(&self, width: usize, height: usize) -> Area {
        Area::placed(&self.place, (self.size, self.size), width, height)
    }

    /// Draws it on an image.
    pub(super) fn stamp(&self, image: &mut Image) {
        let area = self.area(image.width, image.height);
        for row in 0..area.height {
            for column in 0..area.width {
                let over = f32::from(self.cell(row, column, &area)) * self.scale as f32;
                let under = image.get(area.x + column, area.y + row);
                let mixed = under.map(|v| blend(v, over, self.opacity as f32));
                image.set(area.x + column, area.y + row, mixed);
            }
        }
    }

    /// Grey level in `row` and `column` of `area`.
    fn cell(&self, row: usize, column: usize, area: &Area) -> u8 {
        // The public code's grid, stretched to the square.
        const GRID: [[u8; 3]; 3] = [[0, 0, 255], [0, 255, 0], [255, 0, 255]];
        match self.pattern {
            SquarePattern::White => 255,
            SquarePattern::Grid => GRID[row * 3 / area.height][column * 3 / area.width],
            SquarePattern::Checkerboard if (row + column).is_multiple_of(2) => 255,
            SquarePattern::Checkerboard => 128,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The grey levels of a square in an 8x8 image of level 100, rows from the top. No other pixel changes.
    fn levels(square: &Square) -> Vec<Vec<u8>> {
        let mut image = Image { width: 8, height: 8, pixels: vec![100; 3 * 64] };
        square.stamp(&mut image);
        let area = square.area(8, 8);
        let columns = area.x..area.x + area.width;
        let rows = area.y..area.y + area.height;
        let mut found = vec![Vec::new(); area.height];
        for y in 0..8 {
            for x in 0..8 {
                let pixel = image.get(x, y);
                if columns.contains(&x) && rows.contains(&y) {
                    assert_eq!(pixel, [pixel[0]; 3], "column {x}, row {y} is grey");
                    found[y - area.y].push(pixel[0]);
                } else {
                    assert_eq!(pixel, [100; 3], "column {x}, row {y}");
                }
            }
        }
        found
    }

    /// The levels of the paper's text and, for `grid`, of the table in its public code.
    #[test]
    fn patterns_have_the_published_grey_levels() {
        let of = |pattern| levels(&Square { pattern, ..Square::default() });
        let checkerboard = [[255, 128, 255], [128, 255, 128], [255, 128, 255]];
        assert_eq!(of(SquarePattern::Checkerboard), checkerboard);
        assert_eq!(of(SquarePattern::Grid), [[0, 0, 255], [0, 255, 0], [255, 0, 255]]);
        assert_eq!(of(SquarePattern::White), [[255; 3]; 3]);
    }

    #[test]
    fn the_grid_is_stretched_to_the_square() {
        let square = Square { size: 4, pattern: SquarePattern::Grid, ..Square::default() };
        let expected = [[0, 0, 0, 255], [0, 0, 0, 255], [0, 0, 255, 0], [255, 255, 0, 255]];
        assert_eq!(levels(&square), expected);
    }

    #[test]
    fn scale_multiplies_the_pattern_and_opacity_blends_it() {
        // 255 / 5 and 128 / 5, rounded half up.
        let square = Square { scale: 0.2, ..Square::default() };
        assert_eq!(levels(&square), [[51, 26, 51], [26, 51, 26], [51, 26, 51]]);
        // (255 + 100) / 2 and (128 + 100) / 2, rounded half up.
        let place = Place { x: 2, y: 3 };
        let square = Square { opacity: 0.5, size: 2, place, ..Square::default() };
        assert_eq!(levels(&square), [[178, 114], [114, 178]]);
    }
}
