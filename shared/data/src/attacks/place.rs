//! The place of a local trigger.

use super::AttackError;
use crate::image::LARGEST_PICTURE;
use crate::settings;
use serde::Serialize;

/// The last column or row of the largest picture.
pub(super) const LAST: i64 = LARGEST_PICTURE as i64 - 1;

/// The coordinate that stands for the attack's usual place.
const USUAL: i64 = -2;

settings! {
    /// The place of a local trigger, in pixels from the left and the top edge.
    pub struct Place {
        /// Column of the left edge; -1: the trigger touches the right edge of the image; -2: the
        /// attack chooses the column by the width of the image.
        x: i64 [USUAL..=LAST] = -1, "left edge; -1: at the right edge, -2: the attack's usual column";
        /// Row of the top edge; -1: the trigger touches the bottom edge of the image; -2: the attack
        /// chooses the row by the height of the image.
        y: i64 [USUAL..=LAST] = -1, "top edge; -1: at the bottom edge, -2: the attack's usual row";
    }
}

impl Place {
    /// The attack's usual place, which follows the size of the image.
    pub(super) const USUAL: Self = Self { x: USUAL, y: USUAL };

    /// The place with `usual` (column, row) where the settings name no coordinate.
    pub(super) fn or_usual(&self, usual: (usize, usize)) -> Self {
        let coordinate = |given: i64, usual: usize| {
            if given == USUAL { i64::try_from(usual).unwrap_or(i64::MAX) } else { given }
        };
        Self { x: coordinate(self.x, usual.0), y: coordinate(self.y, usual.1) }
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
        for (key, given, side, all) in axes {
            let at = usize::try_from(given).unwrap_or(0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_coordinate_is_replaced() {
        let usual = (14, 15);
        assert_eq!(Place::USUAL.or_usual(usual), Place { x: 14, y: 15 });
        assert_eq!(Place { x: -1, y: USUAL }.or_usual(usual), Place { x: -1, y: 15 });
        assert_eq!(Place { x: USUAL, y: 0 }.or_usual(usual), Place { x: 14, y: 0 });
    }

    #[test]
    fn a_box_fits_up_to_the_edge() {
        let check = |x, y, size| Place { x, y }.check(size, 8, 6);
        assert_eq!(check(5, 3, (3, 3)), Ok(()));
        assert_eq!(check(-1, -1, (8, 6)), Ok(()));
        let beyond = |key, side, at| AttackError::Place { side, key, at, width: 8, height: 6 };
        assert_eq!(check(6, 3, (3, 3)), Err(beyond("x", 3, 6)));
        assert_eq!(check(5, 4, (3, 3)), Err(beyond("y", 3, 4)));
        assert_eq!(check(-1, -1, (8, 7)), Err(beyond("y", 7, 0)));
    }

    #[test]
    fn a_placed_box_stays_inside() {
        let placed = |x, y, size| {
            let Area { x, y, width, height } = Area::placed(&Place { x, y }, size, 8, 6);
            [x, y, width, height]
        };
        assert_eq!(placed(1, 2, (3, 2)), [1, 2, 3, 2]);
        assert_eq!(placed(-1, -1, (3, 2)), [5, 4, 3, 2], "at the right and the bottom edge");
        assert_eq!(placed(7, 6, (3, 2)), [5, 4, 3, 2]);
        assert_eq!(placed(1, 1, (9, 9)), [0, 0, 8, 6]);
    }
}
