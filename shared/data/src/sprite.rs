//! Small pictures with opacity, and their text form.
//!
//! Recipes, links and model files hold a painted or optimised trigger as such a text.

use crate::image::{Image, LARGEST_PICTURE, blend};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A picture with its place on an image.
///
/// As text it is `WIDTHxHEIGHT+X+Y:` and the pixels in URL-safe base64: `1x1+31+31:_wAA_w` is one
/// opaque red pixel in the corner of a 32x32 image.
/// # Examples
///
/// ```
/// use unstamp_data::image::Image;
/// use unstamp_data::sprite::Sprite;
///
/// let corner: Sprite = "1x1+31+31:_wAA_w".parse()?;
/// let mut image = Image::new(32, 32);
/// corner.over(&mut image, 1.0);
/// assert_eq!(image.get(31, 31), [255, 0, 0]);
/// # Ok::<(), unstamp_data::sprite::SpriteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sprite {
    /// Column of the image in which the sprite's left edge lies.
    pub x: usize,
    /// Row of the image in which the sprite's top edge lies.
    pub y: usize,
    /// Pixels in a row, at least 1.
    pub width: usize,
    /// Number of rows, at least 1.
    pub height: usize,
    /// Red, green, blue and opacity of `width * height` pixels, rows from the top.
    pub rgba: Vec<[u8; 4]>,
}

/// A text that is no [`Sprite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not a picture of the form WIDTHxHEIGHT+X+Y:PIXELS")]
pub struct SpriteError;

impl Sprite {
    /// The smallest sprite that holds every pixel of `rgba` that is not wholly transparent, or `None`
    /// if all are. `rgba` are the pixels of an image of `width` columns, rows from the top.
    pub fn cropped(width: usize, rgba: &[[u8; 4]]) -> Option<Self> {
        let mut columns: Option<(usize, usize)> = None;
        let mut rows: Option<(usize, usize)> = None;
        for (i, pixel) in rgba.iter().enumerate() {
            if pixel[3] > 0 {
                columns = Some(widened(columns, i % width));
                rows = Some(widened(rows, i / width));
            }
        }
        let (left, right) = columns?;
        let (top, bottom) = rows?;
        let kept = (top..=bottom).flat_map(|y| &rgba[y * width + left..=y * width + right]);
        Some(Self {
            x: left,
            y: top,
            width: right + 1 - left,
            height: bottom + 1 - top,
            rgba: kept.copied().collect(),
        })
    }

    /// A sprite of all pixels of an image of `width` columns, its transparent border included.
    pub fn whole(width: usize, rgba: &[[u8; 4]]) -> Self {
        Self { x: 0, y: 0, width, height: rgba.len() / width.max(1), rgba: rgba.to_vec() }
    }

    /// An opaque sprite of a whole image.
    pub fn of(image: &Image) -> Self {
        let rgba = image.pixels.as_chunks().0.iter().map(|&[r, g, b]| [r, g, b, 255]).collect();
        Self { x: 0, y: 0, width: image.width, height: image.height, rgba }
    }

    /// The pixel in column `x`, row `y` of the sprite.
    ///
    /// # Panics
    /// If there is no such pixel.
    pub fn get(&self, x: usize, y: usize) -> [u8; 4] {
        self.rgba[y * self.width + x]
    }

    /// Whether it lies wholly on an image of this size.
    pub fn fits(&self, width: usize, height: usize) -> bool {
        self.x + self.width <= width && self.y + self.height <= height
    }

    /// Lays the sprite over the image; the opacity of each pixel is multiplied by `strength`. The
    /// part of the sprite that lies beyond the image is left out.
    pub fn over(&self, image: &mut Image, strength: f32) {
        for y in 0..self.height.min(image.height.saturating_sub(self.y)) {
            for x in 0..self.width.min(image.width.saturating_sub(self.x)) {
                let [r, g, b, a] = self.get(x, y);
                let opacity = strength * f32::from(a) / 255.0;
                let under = image.get(self.x + x, self.y + y);
                let over = [r, g, b];
                let mixed = [0, 1, 2].map(|c| blend(under[c], f32::from(over[c]), opacity));
                image.set(self.x + x, self.y + y, mixed);
            }
        }
    }
}

impl fmt::Display for Sprite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pixels = BASE64.encode(self.rgba.as_flattened());
        write!(f, "{}x{}+{}+{}:{pixels}", self.width, self.height, self.x, self.y)
    }
}

impl FromStr for Sprite {
    type Err = SpriteError;

    fn from_str(text: &str) -> Result<Self, SpriteError> {
        let (geometry, pixels) = text.split_once(':').ok_or(SpriteError)?;
        let [width, height, x, y] = numbers(geometry).ok_or(SpriteError)?;
        let bytes = BASE64.decode(pixels).map_err(|_| SpriteError)?;
        let (rgba, rest) = bytes.as_chunks();
        if rgba.is_empty() || rgba.len() != width * height || !rest.is_empty() {
            return Err(SpriteError);
        }
        Ok(Self { x, y, width, height, rgba: rgba.to_vec() })
    }
}

/// The smallest range that holds `range` and `value`.
fn widened(range: Option<(usize, usize)>, value: usize) -> (usize, usize) {
    range.map_or((value, value), |(low, high)| (low.min(value), high.max(value)))
}

/// Reads `WIDTHxHEIGHT+X+Y`.
fn numbers(geometry: &str) -> Option<[usize; 4]> {
    let (size, place) = geometry.split_once('+')?;
    let (width, height) = size.split_once('x')?;
    let (x, y) = place.split_once('+')?;
    let mut numbers = [0; 4];
    for (number, text) in numbers.iter_mut().zip([width, height, x, y]) {
        *number = text.parse().ok().filter(|n| *n <= LARGEST_PICTURE)?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn sprites()(
            x in 0..=LARGEST_PICTURE,
            y in 0..=LARGEST_PICTURE,
            width in 1..9usize,
            height in 1..9usize,
        )(
            rgba in proptest::collection::vec(any::<[u8; 4]>(), width * height),
            x in Just(x),
            y in Just(y),
            width in Just(width),
            height in Just(height),
        ) -> Sprite {
            Sprite { x, y, width, height, rgba }
        }
    }

    proptest! {
        #[test]
        fn a_sprite_survives_its_text(sprite in sprites()) {
            prop_assert_eq!(sprite.to_string().parse(), Ok(sprite));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Sprite>();
        }

        #[test]
        fn no_text_that_looks_right_panics(
            text in "[0-9]{1,20}x[0-9]{1,20}\\+[0-9]{1,4}\\+[0-9]{1,4}:[A-Za-z0-9_-]{0,40}",
        ) {
            let _ = text.parse::<Sprite>();
        }

        #[test]
        fn a_cropped_image_looks_the_same(
            rgba in proptest::collection::vec(
                prop_oneof![3 => Just([9, 9, 9, 0]), 1 => any::<[u8; 4]>()],
                5 * 4,
            ),
        ) {
            let whole = Sprite { x: 0, y: 0, width: 5, height: 4, rgba: rgba.clone() };
            let mut expected = Image::new(5, 4);
            whole.over(&mut expected, 0.7);
            let mut found = Image::new(5, 4);
            if let Some(cropped) = Sprite::cropped(5, &rgba) {
                prop_assert!(cropped.fits(5, 4));
                cropped.over(&mut found, 0.7);
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_documented_text_is_one_red_pixel_in_the_corner() {
        let sprite: Sprite = "1x1+31+31:_wAA_w".parse().expect("a sprite");
        let mut image = Image::new(32, 32);
        sprite.over(&mut image, 1.0);
        assert_eq!(image.get(31, 31), [255, 0, 0]);
        assert_eq!(image.pixels.iter().filter(|v| **v > 0).count(), 1);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "red",
            "1x1+0+0",
            "0x0+0+0:",
            "1x2+0+0:_wAA_w",
            "1x1+70000+0:_wAA_w",
            "1+1x0+0:_wAA_w",
            "1x1+0+0:_wAA_wA",
        ] {
            assert_eq!(text.parse::<Sprite>(), Err(SpriteError), "{text}");
        }
    }

    #[test]
    fn what_lies_beyond_the_image_is_left_out() {
        let sprite = Sprite { x: 1, y: 5, width: 2, height: 1, rgba: vec![[255; 4]; 2] };
        let mut image = Image::new(2, 2);
        sprite.over(&mut image, 1.0);
        assert_eq!(image, Image::new(2, 2));
        assert!(!sprite.fits(2, 2));
    }
}
