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

#[cfg(test)]
mod tests {
    use super::*;

    /// A red pixel that was painted in column 2 of row 3.
    fn settings() -> CustomSettings {
        let rgba = vec![[255, 0, 0, 255]];
        let picture = Some(Sprite { x: 2, y: 3, width: 1, height: 1, rgba });
        CustomSettings { picture, ..CustomSettings::default() }
    }

    /// The red values of an image with the trigger that are not 0: column, row and value.
    fn reds(settings: &CustomSettings) -> Vec<(usize, usize, u8)> {
        let mut image = Image::new(4, 4);
        Custom.stamp(&mut image, settings, &StampContext::of_test_image(0));
        let all = (0..4).flat_map(|y| (0..4).map(move |x| (x, y)));
        all.map(|(x, y)| (x, y, image.get(x, y)[0])).filter(|(.., red)| *red > 0).collect()
    }

    #[test]
    fn the_picture_lies_where_it_was_painted_or_moved() {
        assert_eq!(reds(&settings()), [(2, 3, 255)]);
        assert_eq!(reds(&CustomSettings { x: 0, ..settings() }), [(0, 3, 255)]);
        assert_eq!(reds(&CustomSettings { y: 1, ..settings() }), [(2, 1, 255)]);
        let area = Custom.area(&CustomSettings { y: 1, ..settings() }, 4, 4);
        assert_eq!(area, Some(Area { x: 2, y: 1, width: 1, height: 1 }));
    }

    #[test]
    fn opacity_multiplies_and_no_picture_is_no_trigger() {
        assert_eq!(reds(&CustomSettings { opacity: 0.5, ..settings() }), [(2, 3, 128)]);
        let empty = CustomSettings { picture: None, ..settings() };
        assert!(reds(&empty).is_empty());
        assert_eq!(Custom.check(&empty, 4, 4), Ok(()));
    }
}
