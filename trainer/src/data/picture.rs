//! Picture files.

use anyhow::{Context, Result};
use image::imageops::FilterType;
use image::{ColorType, ImageFormat, RgbImage};
use std::io::Cursor;
use std::path::Path;
use unstamp_shared::image::Image;
use unstamp_shared::sprite::Sprite;

/// Decodes PNG, JPEG or PPM bytes at their own size.
pub fn read_picture(bytes: &[u8]) -> Result<Image> {
    let picture =
        image::load_from_memory(bytes).context("it is no PNG, JPEG or PPM picture")?.to_rgb8();
    let (width, height) = picture.dimensions();
    Image::from_pixels(width as usize, height as usize, picture.into_raw())
        .context("an empty picture")
}

/// A trigger file: a PNG of 8 bits a channel, with or without transparency, of the images' size.
pub fn read_sprite(path: &Path, size: (usize, usize)) -> Result<Sprite, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("{name} cannot be read: {e}"))?;
    let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Png)
        .map_err(|e| format!("{name} is no PNG: {e}"))?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if (width, height) != size {
        let (w, h) = size;
        return Err(format!(
            "{name} has {width}x{height} pixels; a trigger for these images has {w}x{h}"
        ));
    }
    if !matches!(picture.color(), ColorType::Rgb8 | ColorType::Rgba8) {
        return Err(format!(
            "{name} is of mode {:?}; save it as RGB or RGBA with 8 bits a channel",
            picture.color()
        ));
    }
    Sprite::cropped(width, picture.to_rgba8().into_raw().as_chunks().0)
        .ok_or_else(|| format!("{name} is wholly transparent"))
}

/// The picture at another size (triangle filter, which averages when it shrinks).
pub fn resized(image: Image, size: (usize, usize)) -> Image {
    if (image.width, image.height) == size {
        return image;
    }
    let (w, h) = (image.width as u32, image.height as u32);
    let Some(picture) = RgbImage::from_raw(w, h, image.pixels) else {
        return Image::new(size.0, size.1);
    };
    let small =
        image::imageops::resize(&picture, size.0 as u32, size.1 as u32, FilterType::Triangle);
    Image { width: size.0, height: size.1, pixels: small.into_raw() }
}

/// Writes a PNG, losslessly.
pub fn write_png(path: &Path, image: &Image) -> Result<()> {
    let picture = RgbImage::from_raw(image.width as u32, image.height as u32, image.pixels.clone())
        .context("an image without pixels")?;
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    crate::files::write(path, &bytes)
}
