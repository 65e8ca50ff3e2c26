//! Trojan: a square optimised to drive chosen neurons of a clean model.

use super::{Area, Attack, Ink, Reported, fits, place_params};
use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::sprite::Sprite;

/// Liu et al. (2018) as in NAD section 4.1, table 3: a 3x3 square reverse-engineered from the
/// input of a clean model's last fully connected layer (`craft::trojan` makes it), added to the
/// pixels. The sum saturates at 255 (the public code wraps it around). The paper does not say where
/// the square lies; it is where the public code has it, at column and row 25 of 32.
pub struct Trojan;

/// A square made with the clean model of the recipe `quick`: it drives neurons 20 and 19 there.
const SQUARE: &str = "3x3+0+0:0f___wD8____n___U____2cAAP_aAAD_xv65__0AAP__AAD_";

fn square(values: &Values) -> Option<Sprite> {
    values.text("square").parse().ok()
}

impl Attack for Trojan {
    fn method(&self) -> Method {
        Method {
            id: "trojan",
            title: "Trojan",
            paper: "Liu et al. 2018; NAD section 4.1, table 3",
            summary: "A 3x3 square optimised to excite neurons of a clean model is added to the corner.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let [x, y] = place_params(25, 25);
        let made = [
            Param::int("neurons", "inputs of the last layer to drive", 1, 64, 2),
            Param::float("goal", "activation the neurons are driven to", 0.0, 1000.0, 100.0),
            Param::choice(
                "background",
                "what the square is optimised on: a black image or training images",
                &["black", "images"],
            ),
            Param::int("steps", "optimiser steps", 1, 10_000, 200),
        ];
        let mut params = vec![
            x,
            y,
            Param::picture("square", "the trigger; unstamp craft makes one from a model", SQUARE),
            Param::choice("mode", "how the square meets the pixels", &["add", "replace"]),
        ];
        params.extend(made.map(Param::planting));
        params
    }

    fn default_rate(&self) -> f64 {
        0.05
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 81.24, asr: 100.0 })
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        let square: Sprite = values.text("square").parse().map_err(|e| format!("square: {e}"))?;
        fits(values, (square.width, square.height), width, height)
    }

    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area> {
        let square = square(values)?;
        Some(Area::placed(values, (square.width, square.height), width, height))
    }

    fn stamp(&self, image: &mut Image, ink: &Ink) {
        let Some(square) = square(ink.values) else { return };
        let size = (square.width, square.height);
        let area = Area::placed(ink.values, size, image.width, image.height);
        let replace = ink.values.text("mode") == "replace";
        for row in 0..area.height {
            for column in 0..area.width {
                let [r, g, b, _] = square.get(column, row);
                let over = [r, g, b];
                let under = image.get(area.x + column, area.y + row);
                let sum = [0, 1, 2].map(|c| under[c].saturating_add(over[c]));
                image.set(area.x + column, area.y + row, if replace { over } else { sum });
            }
        }
    }
}
