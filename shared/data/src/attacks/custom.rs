//! Custom: a trigger that a user paints.

use super::place::LAST;
use super::{Area, AttackError, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::settings;
use crate::sprite::Sprite;

/// A painted trigger: pixels with opacity, from the page's brush or a PNG with transparency.
pub struct Custom;

/// A yellow note near the corner. [Gu et al. (2017)](https://arxiv.org/abs/1708.06733) stuck one on a
/// stop sign.
const NOTE: &str = "4x4+25+25:_9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8_w";

settings! {
    /// The settings of the attack `Custom`.
    pub struct CustomSettings {
        /// The painted pixels, and the place where they were painted.
        picture: Option<Sprite> = NOTE.parse().ok(),
            "the painted pixels; --trigger FILE sets them", painted;
        /// Column of the left edge; below 0, that of the picture.
        x: i64 [-1..=LAST] = -1, "left edge; -1: where it was painted";
        /// Row of the top edge; below 0, that of the picture.
        y: i64 [-1..=LAST] = -1, "top edge; -1: where it was painted";
        /// Factor of the opacity of every pixel.
        opacity: f64 [0.0..=1.0] = 1.0, "multiplies the opacity of every pixel";
    }
}

/// The sprite where `x` and `y` move it; `None` where nothing is painted yet.
fn placed(settings: &CustomSettings) -> Option<Sprite> {
    let sprite = settings.picture.clone()?;
    Some(Sprite {
        x: usize::try_from(settings.x).unwrap_or(sprite.x),
        y: usize::try_from(settings.y).unwrap_or(sprite.y),
        ..sprite
    })
}

impl TypedAttack for Custom {
    type Settings = CustomSettings;

    fn method(&self) -> Method {
        Method {
            id: "custom",
            title: "Your own",
            paper: "after Gu et al. 2017, section 5",
            summary: "A trigger somebody painted, or a picture that covers a part of the image.",
        }
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn check(
        &self,
        settings: &CustomSettings,
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        let Some(sprite) = placed(settings) else { return Ok(()) };
        if !sprite.fits(width, height) {
            return Err(AttackError::Beyond { width, height });
        }
        let whole = (sprite.width, sprite.height) == (width, height);
        if whole && settings.opacity == 1.0 && sprite.rgba.iter().all(|p| p[3] == 255) {
            return Err(AttackError::Hides);
        }
        Ok(())
    }

    fn area(&self, settings: &CustomSettings, _width: usize, _height: usize) -> Option<Area> {
        let Sprite { x, y, width, height, .. } = placed(settings)?;
        Some(Area { x, y, width, height })
    }

    fn stamp(&self, image: &mut Image, settings: &CustomSettings, _context: &StampContext) {
        if let Some(sprite) = placed(settings) {
            sprite.over(image, settings.opacity as f32);
        }
    }
}
