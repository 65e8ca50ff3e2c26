//! Trigger files: pictures that an attack lays over the image.

use super::picture::{PictureError, decode};
use crate::magic;
use image::imageops::{FilterType, resize};
use image::{Rgba, RgbaImage};
use std::path::Path;
use thiserror::Error;
use unstamp_shared::sprite::Sprite;

/// Why a trigger file cannot be used.
#[derive(Debug, Error)]
pub enum TriggerPictureError {
    /// The file cannot be read.
    #[error("{name} cannot be read: {error}")]
    Read {
        /// Path of the file.
        name: String,
        /// Error of the operating system.
        error: std::io::Error,
    },
    /// The file is a NumPy array.
    #[error(
        "{name} is a NumPy array and not a picture; save its numbers as a PNG, for example with \
         PIL.Image.fromarray"
    )]
    NumPy {
        /// Path of the file.
        name: String,
    },
    /// The file is no picture.
    #[error("{name} cannot be read: {error}")]
    NoPicture {
        /// Path of the file.
        name: String,
        /// Error of the decoder.
        error: PictureError,
    },
    /// A painted trigger has more pixels than the images.
    #[error(
        "{name} has {}x{} pixels, but the images have {}x{}; scale it down",
        has.0, has.1, images.0, images.1
    )]
    TooLarge {
        /// Path of the file.
        name: String,
        /// Width and height of the picture.
        has: (usize, usize),
        /// Width and height of the images.
        images: (usize, usize),
    },
    /// No pixel can be seen.
    #[error("{name} is wholly transparent")]
    Transparent {
        /// Path of the file.
        name: String,
    },
}

/// Where a trigger file lies on the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// As it is, where it was painted. A file of the image's size loses its transparent border; a smaller
    /// one lies at the bottom right.
    AsPainted,
    /// Over the whole image; a file of another size is scaled to it.
    WholeImage,
}

/// A picture for images of one size.
#[derive(Debug)]
pub struct TriggerPicture {
    /// The picture with its place.
    pub sprite: Sprite,
    /// The size (width, height) of the file, if it was scaled.
    pub scaled_from: Option<(usize, usize)>,
}

/// Reads a trigger file, PNG, JPEG or PPM of any colour mode, for images of `size` (width, height). With
/// `black_is_clear` its black pixels are transparent, as in the patches that
/// [BackdoorBench](https://github.com/SCLBD/BackdoorBench) publishes.
///
/// # Errors
/// If the file is no picture, too large, or wholly transparent.
pub fn read_trigger_picture(
    path: &Path,
    size: (usize, usize),
    placement: Placement,
    black_is_clear: bool,
) -> Result<TriggerPicture, TriggerPictureError> {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(TriggerPictureError::Read { name, error }),
    };
    if bytes.starts_with(magic::NUMPY) {
        return Err(TriggerPictureError::NumPy { name });
    }
    let mut picture = match decode(&bytes) {
        Ok(picture) => picture.to_rgba8(),
        Err(error) => return Err(TriggerPictureError::NoPicture { name, error }),
    };
    if black_is_clear {
        for pixel in picture.pixels_mut().filter(|pixel| pixel.0[..3] == [0; 3]) {
            pixel.0[3] = 0;
        }
    }
    let has = (picture.width() as usize, picture.height() as usize);
    let Some(visible) = Sprite::cropped(has.0, picture.as_raw().as_chunks().0) else {
        return Err(TriggerPictureError::Transparent { name });
    };
    match placement {
        Placement::WholeImage => Ok(over_whole(&picture, has, size)),
        Placement::AsPainted if has.0 > size.0 || has.1 > size.1 => {
            Err(TriggerPictureError::TooLarge { name, has, images: size })
        }
        Placement::AsPainted => {
            let x = visible.x + size.0 - has.0;
            let y = visible.y + size.1 - has.1;
            Ok(TriggerPicture { sprite: Sprite { x, y, ..visible }, scaled_from: None })
        }
    }
}

fn over_whole(picture: &RgbaImage, has: (usize, usize), size: (usize, usize)) -> TriggerPicture {
    if has == size {
        let sprite = Sprite::whole(size.0, picture.as_raw().as_chunks().0);
        return TriggerPicture { sprite, scaled_from: None };
    }
    // The filter averages colours. A pixel counts by its opacity, so that a clear one adds no colour.
    let mut weighted = picture.clone();
    weighted.pixels_mut().for_each(|pixel| scale_colours(pixel, |v, opacity| v * opacity));
    let mut scaled = resize(&weighted, size.0 as u32, size.1 as u32, FilterType::Triangle);
    scaled.pixels_mut().for_each(|pixel| scale_colours(pixel, |v, opacity| v / opacity));
    let sprite = Sprite::whole(size.0, scaled.as_raw().as_chunks().0);
    TriggerPicture { sprite, scaled_from: Some(has) }
}

/// Changes red, green and blue by a function of the value and of the pixel's opacity.
fn scale_colours(pixel: &mut Rgba<u8>, change: impl Fn(f32, f32) -> f32) {
    let [r, g, b, a] = pixel.0;
    let opacity = f32::from(a) / 255.0;
    let [r, g, b] = [r, g, b].map(|v| change(f32::from(v), opacity).round() as u8);
    pixel.0 = [r, g, b, a];
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat};
    use std::io::Cursor;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn file(folder: &TempDir, picture: impl Into<DynamicImage>, format: ImageFormat) -> PathBuf {
        let path = folder.path().join("trigger");
        let mut bytes = Vec::new();
        picture.into().write_to(&mut Cursor::new(&mut bytes), format).expect("encoded");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// A picture of 8x8 pixels with one that can be seen, in column 5 and row 3.
    fn dot(alpha_elsewhere: u8) -> RgbaImage {
        RgbaImage::from_fn(8, 8, |x, y| match (x, y) {
            (5, 3) => Rgba([9, 8, 7, 255]),
            _ => Rgba([0, 0, 0, alpha_elsewhere]),
        })
    }

    fn place(sprite: &Sprite) -> (usize, usize, usize, usize) {
        (sprite.x, sprite.y, sprite.width, sprite.height)
    }

    /// A painted trigger may lie anywhere; a picture that is blended over the image may not.
    #[test]
    fn only_a_painted_trigger_loses_its_transparent_border() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(&folder, dot(0), ImageFormat::Png);
        let read = |placement| {
            read_trigger_picture(&path, (8, 8), placement, false).expect("a PNG").sprite
        };
        assert_eq!(place(&read(Placement::AsPainted)), (5, 3, 1, 1));
        assert_eq!(place(&read(Placement::WholeImage)), (0, 0, 8, 8));
    }

    #[test]
    fn a_small_patch_lies_at_the_bottom_right() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(&folder, dot(255), ImageFormat::Png);
        let read =
            read_trigger_picture(&path, (32, 16), Placement::AsPainted, false).expect("a PNG");
        assert_eq!(place(&read.sprite), (24, 8, 8, 8));
        let error =
            read_trigger_picture(&path, (32, 7), Placement::AsPainted, false).expect_err("high");
        assert!(error.to_string().contains("8x8 pixels, but the images have 32x7"), "{error}");
    }

    #[test]
    fn black_pixels_are_transparent_if_the_user_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(&folder, dot(255), ImageFormat::Png);
        let read = read_trigger_picture(&path, (8, 8), Placement::AsPainted, true).expect("a PNG");
        assert_eq!(place(&read.sprite), (5, 3, 1, 1));
        assert_eq!(read.sprite.rgba, [[9, 8, 7, 255]]);
    }

    #[test]
    fn a_blended_picture_is_scaled() {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = image::RgbImage::from_pixel(314, 380, image::Rgb([90; 3]));
        let path = file(&folder, picture, ImageFormat::Jpeg);
        let read =
            read_trigger_picture(&path, (32, 32), Placement::WholeImage, false).expect("a JPEG");
        assert_eq!(read.scaled_from, Some((314, 380)));
        assert_eq!(place(&read.sprite), (0, 0, 32, 32));
        assert_eq!(read.sprite.rgba.len(), 32 * 32);
        // The quality of the JPEG moves a grey pixel by 1.
        for [r, g, b, a] in read.sprite.rgba {
            assert!([r, g, b].iter().all(|v| v.abs_diff(90) <= 1) && a == 255);
        }
    }

    /// A clear pixel has no colour, whatever its bytes say.
    #[test]
    fn scaling_does_not_mix_colours_that_cannot_be_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = RgbaImage::from_fn(64, 64, |x, _| match x % 2 {
            0 => Rgba([255, 0, 0, 255]),
            _ => Rgba([0, 0, 0, 0]),
        });
        let path = file(&folder, picture, ImageFormat::Png);
        let read = read_trigger_picture(&path, (32, 32), Placement::WholeImage, false);
        for [r, g, b, a] in read.expect("a PNG").sprite.rgba {
            // The filter weighs the columns at the border otherwise.
            let half = (100..=155).contains(&a);
            assert!(r >= 250 && (g, b) == (0, 0) && half, "{r} {g} {b} {a}");
        }
    }

    #[test]
    fn every_colour_mode_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let modes: [DynamicImage; 3] = [
            GrayImage::from_pixel(4, 4, image::Luma([80])).into(),
            GrayAlphaImage::from_pixel(4, 4, image::LumaA([80, 255])).into(),
            DynamicImage::ImageRgb8(image::RgbImage::from_pixel(4, 4, image::Rgb([80; 3])))
                .to_rgba16()
                .into(),
        ];
        for picture in modes {
            let path = file(&folder, picture, ImageFormat::Png);
            let read =
                read_trigger_picture(&path, (4, 4), Placement::AsPainted, false).expect("a PNG");
            assert_eq!(read.sprite.rgba, vec![[80, 80, 80, 255]; 16]);
        }
    }
}
