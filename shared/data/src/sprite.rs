//! Small pictures with opacity, as text: how a painted or optimised trigger travels in recipes,
//! links and model files.

use crate::image::{Image, blend};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use std::fmt;
use std::str::FromStr;

/// A picture with its place on an image.
///
/// As text it is `WIDTHxHEIGHT+X+Y:` and the pixels in URL-safe base64: `1x1+31+31:_wAA_w` is one
/// opaque red pixel in the corner of a 32x32 image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sprite {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    /// Red, green, blue and opacity, rows from the top.
    pub rgba: Vec<[u8; 4]>,
}

/// Largest side of a sprite in pixels.
const LARGEST: usize = 1024;

impl Sprite {
    /// The smallest sprite that holds every pixel of `rgba` (of an image `width` wide) that is not
    /// wholly transparent; `None` where there is none.
    pub fn cropped(width: usize, rgba: &[[u8; 4]]) -> Option<Self> {
        let seen = || rgba.iter().enumerate().filter(|(_, p)| p[3] > 0).map(|(i, _)| i);
        let (left, right) = (seen().map(|i| i % width).min()?, seen().map(|i| i % width).max()?);
        let (top, bottom) = (seen().map(|i| i / width).min()?, seen().map(|i| i / width).max()?);
        let rows = (top..=bottom).flat_map(|y| &rgba[y * width + left..=y * width + right]);
        Some(Self {
            x: left,
            y: top,
            width: right + 1 - left,
            height: bottom + 1 - top,
            rgba: rows.copied().collect(),
        })
    }

    /// An opaque sprite of a whole image.
    pub fn of(image: &Image) -> Self {
        let (width, height) = (image.width, image.height);
        let rgba = image.pixels.as_chunks().0.iter().map(|&[r, g, b]| [r, g, b, 255]).collect();
        Self { x: 0, y: 0, width, height, rgba }
    }

    /// The pixel in column `x`, row `y` of the sprite.
    pub fn get(&self, x: usize, y: usize) -> [u8; 4] {
        self.rgba[y * self.width + x]
    }

    /// Whether it lies wholly on an image of this size.
    pub fn fits(&self, width: usize, height: usize) -> bool {
        self.x + self.width <= width && self.y + self.height <= height
    }

    /// Lays it over the image, each pixel by its opacity times `strength`.
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is no picture of the form WIDTHxHEIGHT+X+Y:PIXELS".to_string();
        let (geometry, pixels) = text.split_once(':').ok_or_else(wrong)?;
        let numbers: Vec<usize> = geometry
            .split(['x', '+'])
            .map(|n| n.parse().ok().filter(|n| *n <= LARGEST))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let [width, height, x, y] = numbers[..] else { return Err(wrong()) };
        let bytes = BASE64.decode(pixels).map_err(|_| wrong())?;
        let (rgba, rest) = bytes.as_chunks();
        if width * height == 0 || rgba.len() != width * height || !rest.is_empty() {
            return Err(wrong());
        }
        Ok(Self { x, y, width, height, rgba: rgba.to_vec() })
    }
}
