//! Where a local trigger lies.

use super::AttackError;
use crate::datasets::image_size::LARGEST;
use crate::settings;
use serde::Serialize;

/// The last column or row of the largest image.
pub(super) const LAST: i64 = LARGEST as i64 - 1;

settings! {
    /// Where a local trigger lies, in pixels from the left and the top edge.
    pub struct Place {
        /// Column of the left edge; below 0, the trigger touches the right edge of the image.
        x: i64 [-1..=LAST] = -1, "left edge; -1: at the right edge of the image";
        /// Row of the top edge; below 0, the trigger touches the bottom edge of the image.
        y: i64 [-1..=LAST] = -1, "top edge; -1: at the bottom edge of the image";
    }
}

impl Place {
    /// The place for images that do not have 32 pixels a side: a coordinate that has its default in
    /// `default` becomes the one in `scaled`.
    pub(super) fn scaled(&self, default: &Self, scaled: (usize, usize)) -> Self {
        let coordinate = |own: i64, usual: i64, other: usize| {
            if own == usual { i64::try_from(other).unwrap_or(i64::MAX) } else { own }
        };
        Self {
            x: coordinate(self.x, default.x, scaled.0),
            y: coordinate(self.y, default.y, scaled.1),
        }
    }

    /// Whether a box of `size` (width, height) at this place lies on an image.
    ///
    /// # Errors
    ///
    /// The box reaches beyond the image.
    pub(super) fn check(
        &self,
        size: (usize, usize),
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        let axes = [("x", self.x, size.0, width), ("y", self.y, size.1, height)];
        for (key, own, side, all) in axes {
            let at = usize::try_from(own).unwrap_or(0);
            if at.saturating_add(side) > all {
                return Err(AttackError::Place { side, key, at, width, height });
            }
        }
        Ok(())
    }
}

/// The pixels that a local trigger covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Leftmost column.
    pub x: usize,
    /// Topmost row.
    pub y: usize,
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

impl Area {
    /// A box of `size` (width, height) at `place`, kept inside an image of `width x height` pixels.
    pub(super) fn placed(place: &Place, size: (usize, usize), width: usize, height: usize) -> Self {
        let size = (size.0.min(width), size.1.min(height));
        Self {
            x: usize::try_from(place.x).unwrap_or(width).min(width - size.0),
            y: usize::try_from(place.y).unwrap_or(height).min(height - size.1),
            width: size.0,
            height: size.1,
        }
    }
}
