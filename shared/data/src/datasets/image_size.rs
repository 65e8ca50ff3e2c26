//! The size to which images are brought when a data set is loaded.

use super::DatasetInfo;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// Width and height of images in pixels, each from 8 to 1,024.
///
/// On the command line `64` stands for 64x64 and `64x48` for 64 columns and 48 rows; in a recipe `64`
/// and `[64, 48]` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "[usize; 2]")]
pub struct ImageSize {
    width: usize,
    height: usize,
}

/// Smallest side. A residual network halves it twice or three times, and most triggers need 4 pixels.
const SMALLEST: usize = 8;

/// Most pixels that a side of an image has.
pub const LARGEST_SIDE: usize = 1024;

/// Error of reading an image size from a text or from two numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageSizeError {
    /// The text has another form.
    #[error("'{0}' is not an image size; write 64 for 64x64 pixels, or 64x48 for another height")]
    Form(String),
    /// A side is too short or too long.
    #[error(
        "images of {width}x{height} pixels cannot be used; each side must have {SMALLEST} to {LARGEST_SIDE}"
    )]
    Range {
        /// Pixels in a row.
        width: usize,
        /// Number of rows.
        height: usize,
    },
}

impl ImageSize {
    /// The size of images with `width` columns and `height` rows.
    ///
    /// # Errors
    /// If a side is not within 8 to 1,024.
    pub fn new(width: usize, height: usize) -> Result<Self, ImageSizeError> {
        let allowed = SMALLEST..=LARGEST_SIDE;
        if !allowed.contains(&width) || !allowed.contains(&height) {
            return Err(ImageSizeError::Range { width, height });
        }
        Ok(Self { width, height })
    }

    /// Width and height.
    pub fn pair(self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// This size, or `None` if the images of the data set have it anyway.
    pub fn unless_usual(self, info: &DatasetInfo) -> Option<Self> {
        (self.pair() != info.size).then_some(self)
    }
}

impl From<ImageSize> for [usize; 2] {
    fn from(size: ImageSize) -> Self {
        [size.width, size.height]
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for ImageSize {
    type Err = ImageSizeError;

    fn from_str(text: &str) -> Result<Self, ImageSizeError> {
        let number =
            |side: &str| side.parse::<usize>().map_err(|_| ImageSizeError::Form(text.to_string()));
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        Self::new(number(width)?, number(height)?)
    }
}

impl<'de> Deserialize<'de> for ImageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Sides)
    }
}

/// Reads one number or a list of two.
struct Sides;

impl<'de> Visitor<'de> for Sides {
    type Value = ImageSize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a number of pixels such as 64, or width and height such as [64, 48]")
    }

    fn visit_i64<E: de::Error>(self, side: i64) -> Result<ImageSize, E> {
        self.visit_u64(u64::try_from(side).unwrap_or_default())
    }

    fn visit_u64<E: de::Error>(self, side: u64) -> Result<ImageSize, E> {
        let side = usize::try_from(side).unwrap_or(usize::MAX);
        ImageSize::new(side, side).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ImageSize, A::Error> {
        let mut sides = Vec::new();
        while let Some(side) = list.next_element::<usize>()? {
            sides.push(side);
        }
        match sides[..] {
            [width, height] => ImageSize::new(width, height).map_err(de::Error::custom),
            _ => Err(de::Error::invalid_length(sides.len(), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_a_square() {
        let read = |text: &str| text.parse::<ImageSize>().map(ImageSize::pair);
        assert_eq!(read("64"), Ok((64, 64)));
        assert_eq!(read("64x48"), Ok((64, 48)));
        for text in ["", "x", "64x", "big", "-64", "64x48x3"] {
            assert_eq!(read(text), Err(ImageSizeError::Form(text.to_string())));
        }
        assert_eq!(read("64x4"), Err(ImageSizeError::Range { width: 64, height: 4 }));
        assert_eq!(read("2000"), Err(ImageSizeError::Range { width: 2000, height: 2000 }));
    }

    #[test]
    fn a_record_holds_a_number_or_two() {
        let read = |json: &str| serde_json::from_str::<ImageSize>(json).map_err(|e| e.to_string());
        let size = read("[64, 48]").expect("two sides");
        assert_eq!(size.pair(), (64, 48));
        assert_eq!(read("64").expect("a side").pair(), (64, 64));
        assert_eq!(serde_json::to_string(&size).expect("plain"), "[64,48]");
        for json in ["4", "-64", "[64]", "[64, 48, 3]", "\"64\"", "1.5"] {
            let error = read(json).expect_err(json);
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_usual_size_is_none() {
        let info = &super::super::cifar10::INFO;
        let usual = ImageSize::new(32, 32).expect("allowed");
        assert_eq!(usual.unless_usual(info), None);
        let larger = ImageSize::new(32, 48).expect("allowed");
        assert_eq!(larger.unless_usual(info), Some(larger));
    }
}
