//! BadNets' square at the centre of the image, where the attention of a clean network usually lies.

use super::badnets::BadNets;
use super::{Area, AttackError, Place, Square, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::settings;

/// [NAD](https://arxiv.org/abs/2101.05930) appendix K: the square near the centre of the image, its
/// pixel values multiplied by alpha = `scale` in {0.2, 0.5, 0.8, 1} before they replace the image's.
///
/// The paper says "center region"; the square begins at column and row 14 of 32, so that 3x3 pixels
/// lie around the very centre. In images with another side it begins at `side / 2 - 2`.
/// The public code puts it at 18 (`x = 18, y = 18`).
pub struct Adaptive;

settings! {
    /// The settings of the attack `Adaptive`.
    pub struct AdaptiveSettings {
        /// The square, in the middle.
        square: Square = Square { place: Place::USUAL, ..Square::default() };
    }
}

/// The square as it lies in an image of `width x height` pixels.
fn placed(settings: &AdaptiveSettings, width: usize, height: usize) -> Square {
    let centre = [width, height].map(|side| (side / 2).saturating_sub(2));
    let place = settings.square.place.or_usual(centre.into());
    Square { place, ..settings.square.clone() }
}

impl TypedAttack for Adaptive {
    type Settings = AdaptiveSettings;

    fn method(&self) -> Method {
        Method {
            id: "adaptive",
            title: "Adaptive centre",
            paper: "NAD appendix K, table 9, figure 14",
            summary: "BadNets' square in the centre of the image; scale darkens it.",
        }
    }

    fn default_rate(&self) -> f64 {
        BadNets.default_rate()
    }

    fn check(
        &self,
        settings: &AdaptiveSettings,
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        placed(settings, width, height).check(width, height)
    }

    fn area(&self, settings: &AdaptiveSettings, width: usize, height: usize) -> Option<Area> {
        Some(placed(settings, width, height).area(width, height))
    }

    fn stamp(&self, image: &mut Image, settings: &AdaptiveSettings, _context: &StampContext) {
        placed(settings, image.width, image.height).stamp(image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_lies_at_the_centre() {
        let mut image = Image::new(16, 12);
        let square = Square { scale: 0.5, place: Place::USUAL, ..Square::default() };
        let settings = AdaptiveSettings { square };
        Adaptive.stamp(&mut image, &settings, &StampContext::of_test_image(0));
        // It begins at column 16 / 2 - 2 and row 12 / 2 - 2. Half of 255 and of 128, rounded half up.
        assert_eq!(
            (image.get(6, 4), image.get(7, 4), image.get(8, 6)),
            ([128; 3], [64; 3], [128; 3])
        );
        let stamped = image.pixels.iter().filter(|value| **value > 0).count();
        assert_eq!(stamped, 3 * 9, "no other pixel changes");
    }
}
