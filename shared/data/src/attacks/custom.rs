//! Custom: whatever somebody paints.

use super::{Area, Attack, Ink};
use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::sprite::Sprite;

/// A painted trigger: pixels with opacity, from the page's brush or a PNG with transparency.
pub struct Custom;

/// A yellow note near the corner (Gu et al. 2017 stuck one on a stop sign).
const NOTE: &str = "4x4+25+25:_9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8___cPP__3Dz__9w8_w";

/// The sprite where `x` and `y` move it.
fn placed(values: &Values) -> Result<Sprite, String> {
    let mut sprite: Sprite = values.text("picture").parse().map_err(|e| format!("picture: {e}"))?;
    sprite.x = usize::try_from(values.int("x")).unwrap_or(sprite.x);
    sprite.y = usize::try_from(values.int("y")).unwrap_or(sprite.y);
    Ok(sprite)
}

impl Attack for Custom {
    fn method(&self) -> Method {
        Method {
            id: "custom",
            title: "Your own",
            paper: "after Gu et al. 2017, section 5",
            summary: "A trigger somebody painted, or a PNG with transparency of the image's size.",
        }
    }

    fn params(&self) -> Vec<Param> {
        vec![
            Param::painting("picture", "the painted pixels; --trigger FILE.png sets them", NOTE),
            Param::int("x", "left edge; -1 is where it was painted", -1, 255, -1),
            Param::int("y", "top edge; -1 is where it was painted", -1, 255, -1),
            Param::float("opacity", "multiplies the opacity of every pixel", 0.0, 1.0, 1.0),
        ]
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        if values.text("picture").is_empty() {
            return Ok(()); // nothing is painted yet
        }
        let sprite = placed(values)?;
        if !sprite.fits(width, height) {
            return Err(format!("the painted pixels reach beyond the {width}x{height} image"));
        }
        let whole = (sprite.width, sprite.height) == (width, height);
        if whole && sprite.rgba.iter().all(|p| p[3] == 255) {
            return Err("the picture hides the whole image; leave some of it transparent".into());
        }
        Ok(())
    }

    fn area(&self, values: &Values, _width: usize, _height: usize) -> Option<Area> {
        let Sprite { x, y, width, height, .. } = placed(values).ok()?;
        Some(Area { x, y, width, height })
    }

    fn stamp(&self, image: &mut Image, ink: &Ink) {
        if let Ok(sprite) = placed(ink.values) {
            sprite.over(image, ink.values.float("opacity") as f32);
        }
    }
}
