//! Trojan: a square optimised to raise chosen neurons of a clean model.

use super::{Area, AttackError, Place, Reported, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::settings::SettingsError;
use crate::sprite::{Sprite, SpriteError};
use crate::{choices, settings};

/// [Liu et al. (2018)](https://doi.org/10.14722/ndss.2018.23291) as in NAD section 4.1, table 3: a 3x3
/// square reverse-engineered from the input of a clean model's last fully connected layer
/// (`craft::trojan` makes it), added to the pixels. The sum saturates at 255 (the public code wraps it
/// around). The paper does not say where the square lies; it is where the public code has it, at
/// column and row 25 of 32.
/// In images with another side it lies at `side - 7`.
pub struct Trojan;

/// A square made with the clean model of the recipe `quick`: it raises neurons 20 and 19 there.
const SQUARE: &str = "3x3+0+0:0f___wD8____n___U____2cAAP_aAAD_xv65__0AAP__AAD_";

choices! {
    /// The operation that combines the square with the pixels.
    pub enum Mode {
        /// The sum, at most 255.
        Add = "add",
        /// The square alone.
        Replace = "replace",
    }
}

choices! {
    /// The images on which the square is optimised.
    pub enum Background {
        /// A black image.
        Black = "black",
        /// Training images.
        Images = "images",
    }
}

settings! {
    /// The settings of the attack `Trojan`.
    pub struct TrojanSettings {
        /// Place of the square.
        place: Place = Place::USUAL;
        /// The square; its own place and opacity have no effect.
        square: Option<Sprite> = SQUARE.parse().ok(),
            "the trigger; unstamp craft makes one from a model";
        /// The operation that combines the square with the pixels.
        mode: Mode = Mode::Add, "how the square is combined with the pixels";
        /// Number of neurons to raise.
        neurons: usize [1..=64] = 2, "number of inputs of the last layer to raise", planting;
        /// Activation that the neurons are raised to.
        goal: f64 [0.0..=1000.0] = 100.0, "activation that the neurons are raised to", planting;
        /// The images on which the square is optimised.
        background: Background = Background::Black,
            "what the square is optimised on: a black image or training images", planting;
        /// Number of steps.
        steps: usize [1..=10_000] = 200, "optimiser steps", planting;
    }
}

/// The place in an image of `width x height` pixels.
fn placed(settings: &TrojanSettings, width: usize, height: usize) -> Place {
    let corner = [width, height].map(|side| side.saturating_sub(7));
    settings.place.or_usual(corner.into())
}

/// The pixels that the square covers in an image of `width x height` pixels.
fn area(settings: &TrojanSettings, square: &Sprite, width: usize, height: usize) -> Area {
    let place = placed(settings, width, height);
    Area::placed(&place, (square.width, square.height), width, height)
}

impl TypedAttack for Trojan {
    type Settings = TrojanSettings;

    fn method(&self) -> Method {
        Method {
            id: "trojan",
            title: "Trojan",
            paper: "Liu et al. 2018; NAD section 4.1, table 3",
            summary: "A 3x3 square optimised to raise neurons of a clean model is added near the corner.",
        }
    }

    fn default_rate(&self) -> f64 {
        0.05
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 81.24, asr: 100.0 })
    }

    fn check(
        &self,
        settings: &TrojanSettings,
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        let missing = SettingsError::Picture { id: "square", reason: SpriteError };
        let square = settings.square.as_ref().ok_or(missing)?;
        placed(settings, width, height).check((square.width, square.height), width, height)
    }

    fn area(&self, settings: &TrojanSettings, width: usize, height: usize) -> Option<Area> {
        Some(area(settings, settings.square.as_ref()?, width, height))
    }

    fn stamp(&self, image: &mut Image, settings: &TrojanSettings, _context: &StampContext) {
        let Some(square) = &settings.square else { return };
        let area = area(settings, square, image.width, image.height);
        for row in 0..area.height {
            for column in 0..area.width {
                let [r, g, b, _] = square.get(column, row);
                let over = [r, g, b];
                let under = image.get(area.x + column, area.y + row);
                let pixel = match settings.mode {
                    Mode::Add => [0, 1, 2].map(|c| under[c].saturating_add(over[c])),
                    Mode::Replace => over,
                };
                image.set(area.x + column, area.y + row, pixel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings with one pixel in the corner, whose own place and opacity have no effect.
    fn settings(mode: Mode) -> TrojanSettings {
        let square = Sprite { x: 5, y: 5, width: 1, height: 1, rgba: vec![[200, 10, 0, 0]] };
        let place = Place { x: 1, y: 0 };
        TrojanSettings { square: Some(square), place, mode, ..TrojanSettings::default() }
    }

    fn stamped(settings: &TrojanSettings) -> Image {
        let mut image = Image { width: 2, height: 2, pixels: vec![100; 12] };
        Trojan.stamp(&mut image, settings, &StampContext::of_test_image(0));
        image
    }

    #[test]
    fn the_square_is_added_or_replaces() {
        let added = stamped(&settings(Mode::Add));
        assert_eq!(added.get(1, 0), [255, 110, 100], "300 saturates");
        assert_eq!(stamped(&settings(Mode::Replace)).get(1, 0), [200, 10, 0]);
        assert_eq!((added.get(0, 0), added.get(1, 1)), ([100; 3], [100; 3]));
    }

    #[test]
    fn without_a_square_the_image_stays() {
        let missing = TrojanSettings { square: None, ..settings(Mode::Add) };
        assert_eq!(stamped(&missing).pixels, [100; 12]);
        let fault = SettingsError::Picture { id: "square", reason: SpriteError };
        assert_eq!(Trojan.check(&missing, 2, 2), Err(fault.into()));
        assert_eq!(Trojan.area(&missing, 2, 2), None);
    }
}
