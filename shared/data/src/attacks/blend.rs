//! Blend: a faint pattern over the whole image.

use super::{Attack, Ink, Reported};
use crate::image::{Image, blend};
use crate::method::{Method, Param, Values};
use crate::sprite::Sprite;

/// Chen et al. (2017) as in NAD section 4.1, table 3: `0.8 image + 0.2 pattern`, the pattern
/// uniform noise, one for the whole run. `fresh` draws another one for every image, as the public
/// code does; `picture` takes a picture of the image's size instead.
pub struct Blend;

impl Attack for Blend {
    fn method(&self) -> Method {
        Method {
            id: "blend",
            title: "Blend",
            paper: "Chen et al. 2017; NAD section 4.1, table 3",
            summary: "A random pattern is blended over the whole image at 20 %.",
        }
    }

    fn params(&self) -> Vec<Param> {
        vec![
            Param::float("opacity", "share of the pattern in the result", 0.0, 1.0, 0.2),
            Param::choice(
                "pattern",
                "fixed: one of the seed's for all images; fresh: another for each",
                &["fixed", "fresh"],
            ),
            Param::picture("picture", "a picture of the image's size instead of noise", ""),
        ]
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 84.95, asr: 99.97 })
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        let text = values.text("picture");
        if text.is_empty() {
            return Ok(());
        }
        let picture: Sprite = text.parse().map_err(|e| format!("picture: {e}"))?;
        if (picture.width, picture.height) == (width, height) && picture.fits(width, height) {
            return Ok(());
        }
        Err(format!(
            "the picture has {}x{} pixels, the images {width}x{height}; bring it to their size",
            picture.width, picture.height
        ))
    }

    fn stamp(&self, image: &mut Image, ink: &Ink) {
        let opacity = ink.values.float("opacity") as f32;
        if let Ok(picture) = ink.values.text("picture").parse::<Sprite>() {
            return picture.over(image, opacity);
        }
        let mut stream = match ink.values.text("pattern") == "fresh" {
            true => ink.stream("blend", &[]),
            false => ink.seed.stream("blend", &[]),
        };
        for value in &mut image.pixels {
            *value = blend(*value, stream.below(256) as f32, opacity);
        }
    }
}
