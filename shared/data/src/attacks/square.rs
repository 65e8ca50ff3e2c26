//! The square of BadNets, which other attacks stamp too.

use super::{Area, AttackError, Place};
use crate::image::{Image, blend};
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
        size: usize [1..=256] = 3, "side of the square in pixels";
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
