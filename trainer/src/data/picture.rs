//! Picture files.

use crate::magic;
use anyhow::{Context, Result};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage, RgbaImage};
use std::io::Cursor;
use std::path::Path;
use thiserror::Error;
use unstamp_shared::image::{Image, blend};

/// Why a picture cannot be used.
#[derive(Debug, Error)]
pub enum PictureError {
    /// The file has no content.
    #[error("the file is empty")]
    Empty,
    /// A Git clone left a pointer where the picture should be.
    #[error("it is a Git LFS pointer and not the picture; run git lfs pull")]
    Pointer,
    /// The content is of no kind of picture.
    #[error("it is no PNG, JPEG or PPM picture")]
    NoPicture,
    /// The content is a picture of a kind that is not read.
    #[error("it is a {0} picture; PNG, JPEG and PPM are read, so convert it to PNG")]
    Kind(&'static str),
    /// The picture ends before its end mark.
    #[error("the picture is cut off: its last bytes are missing; fetch it again")]
    Truncated,
    /// The picture would take too much memory.
    #[error("the picture has {0}x{1} pixels, which takes more than 200 MiB; scale it down")]
    TooLarge(u32, u32),
    /// The picture is damaged.
    #[error("the picture is broken: {0}")]
    Broken(image::ImageError),
    /// The picture has no pixels.
    #[error("the picture has no pixels")]
    NoPixels,
}

/// Endings of picture files in lower case, of kinds that are read and of others. Files of the
/// others are no pictures that may be left out silently: decoding them names their kind.
const ENDINGS: [&str; 14] = [
    ".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif",
    ".heic", ".jfif", ".jxl",
];

/// Whether a file's name ends like a picture's.
pub fn is_picture(name: &str) -> bool {
    let name = name.to_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Decodes PNG, JPEG or PPM bytes at their own size: upright, and over white where transparent.
///
/// # Errors
/// If the bytes are no whole picture of these kinds.
pub fn read_picture(bytes: &[u8]) -> Result<Image, PictureError> {
    let picture = decode(bytes)?;
    let picture = match picture.color().has_alpha() {
        true => over_white(&picture.to_rgba8()),
        false => picture.to_rgb8(),
    };
    let (width, height) = picture.dimensions();
    Image::from_pixels(width as usize, height as usize, picture.into_raw())
        .filter(|image| !image.pixels.is_empty())
        .ok_or(PictureError::NoPixels)
}

/// Decodes PNG, JPEG or PPM bytes: upright, in their own colour mode.
///
/// # Errors
/// If the bytes are no whole picture of these kinds.
pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, PictureError> {
    let format = format_of(bytes)?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(PictureError::Truncated);
    }
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(PictureError::Broken)?;
    let orientation = decoder.orientation().map_err(PictureError::Broken)?;
    check_size(&decoder, format, bytes.len())?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(PictureError::Broken)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Bytes that the pixels of a picture may take: 70 million pixels of three channels with 8 bits.
const MOST_BYTES: u64 = 200 << 20;

/// Checks the size that a picture claims before memory is taken for it. `length` is the size of the file.
fn check_size(
    decoder: &impl ImageDecoder,
    format: ImageFormat,
    length: usize,
) -> Result<(), PictureError> {
    let claimed = decoder.total_bytes();
    // PPM does not compress. One byte of the file holds at most eight pixels, which are black or white.
    if format == ImageFormat::Pnm && claimed > 8 * length as u64 {
        return Err(PictureError::Truncated);
    }
    let (width, height) = decoder.dimensions();
    if claimed > MOST_BYTES { Err(PictureError::TooLarge(width, height)) } else { Ok(()) }
}

/// The kind of a picture, from its first bytes; names often have a wrong ending.
fn format_of(bytes: &[u8]) -> Result<ImageFormat, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.starts_with(magic::LFS_POINTER) {
        return Err(PictureError::Pointer);
    }
    let format = image::guess_format(bytes).map_err(|_| PictureError::NoPicture)?;
    match format {
        ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Pnm => Ok(format),
        ImageFormat::WebP => Err(PictureError::Kind("WebP")),
        ImageFormat::Bmp => Err(PictureError::Kind("BMP")),
        ImageFormat::Gif => Err(PictureError::Kind("GIF")),
        ImageFormat::Tiff => Err(PictureError::Kind("TIFF")),
        ImageFormat::Avif => Err(PictureError::Kind("AVIF")),
        _ => Err(PictureError::NoPicture),
    }
}

/// Whether a JPEG has its end mark. Decoders fill a missing part with grey instead of failing.
///
/// Segments are walked up to the first scan, so the end mark of a thumbnail in the head does not
/// count. Inside scans, bytes `FF D9` occur only as the end mark.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, mark, high, low]) = bytes.get(at..at + 4) {
        match mark {
            0xff => at += 1,
            0xda => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

fn over_white(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, opacity] = picture.get_pixel(x, y).0;
        let opacity = f32::from(opacity) / 255.0;
        Rgb([r, g, b].map(|v| blend(255, f32::from(v), opacity)))
    })
}

/// The picture at another size (width, height), by a triangle filter, which averages when it
/// shrinks.
pub fn resized(image: Image, size: (usize, usize)) -> Image {
    if (image.width, image.height) == size {
        return image;
    }
    let w = image.width as u32;
    let h = image.height as u32;
    let Some(picture) = RgbImage::from_raw(w, h, image.pixels) else {
        return Image::new(size.0, size.1);
    };
    let small =
        image::imageops::resize(&picture, size.0 as u32, size.1 as u32, FilterType::Triangle);
    Image { width: size.0, height: size.1, pixels: small.into_raw() }
}

/// Writes a PNG, losslessly.
///
/// # Errors
/// If the image has no pixels or the file cannot be written.
pub fn write_png(path: &Path, image: &Image) -> Result<()> {
    let picture = RgbImage::from_raw(image.width as u32, image.height as u32, image.pixels.clone())
        .context("an image without pixels")?;
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    crate::files::write(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).expect("encoded");
        bytes
    }

    fn refused(bytes: &[u8]) -> String {
        read_picture(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn half_a_jpeg_is_refused() {
        let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, x as u8, y as u8]));
        let bytes = encoded(&picture.into(), ImageFormat::Jpeg);
        assert_eq!(read_picture(&bytes).expect("whole").width, 64);
        let cut = refused(&bytes[..bytes.len() * 2 / 3]);
        assert!(cut.contains("cut off"), "{cut}");
        assert!(read_picture(&[&bytes[..], b"more"].concat()).is_ok(), "bytes after the end mark");
        assert!(refused(&[]).contains("empty"));
    }

    #[test]
    fn a_claimed_size_is_checked_before_memory_is_taken() {
        let cut = refused(b"P6 40000 20000 255\n\0\0\0");
        assert!(cut.contains("cut off"), "{cut}");
        // A PNG of 40,000 x 40,000 pixels takes few bytes, because it is compressed.
        let mut png = encoded(&RgbImage::new(1, 1).into(), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]);
        let checksum = crc(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&checksum);
        let error = refused(&png);
        assert!(error.contains("40000x40000 pixels") || error.contains("limit"), "{error}");
    }

    /// The checksum of a PNG's chunk ([the PNG specification](https://www.w3.org/TR/png-3/#D-CRCAppendix)).
    fn crc(bytes: &[u8]) -> u32 {
        let bit = |rest: u32| if rest & 1 == 1 { 0xedb8_8320 ^ rest >> 1 } else { rest >> 1 };
        let byte = |rest: u32, byte: &u8| (0..8).fold(rest ^ u32::from(*byte), |rest, _| bit(rest));
        !bytes.iter().fold(u32::MAX, byte)
    }

    #[test]
    fn other_kinds_are_named() {
        for (start, kind) in [
            (&b"RIFF\x24\0\0\0WEBPVP8 "[..], "WebP"),
            (&b"GIF89a\x01\0"[..], "GIF"),
            (&b"BM\x36\0\0\0"[..], "BMP"),
            (&b"II*\0\x08\0\0\0"[..], "TIFF"),
        ] {
            let error = refused(start);
            assert!(error.contains(&format!("it is a {kind} picture")), "{error}");
        }
        assert!(refused(b"version https://git-lfs.github.com/spec/v1").contains("Git LFS pointer"));
        assert!(refused(b"hello").contains("no PNG, JPEG or PPM"));
    }

    #[test]
    fn transparent_pixels_are_shown_over_white() {
        let picture =
            RgbaImage::from_fn(3, 1, |x, _| image::Rgba([255, 0, 0, [0, 255, 128][x as usize]]));
        let image = read_picture(&encoded(&picture.into(), ImageFormat::Png)).expect("a PNG");
        assert_eq!(image.pixels, [255, 255, 255, 255, 0, 0, 255, 127, 127]);
    }

    #[test]
    fn a_turned_photo_is_read_upright() {
        let picture = RgbImage::from_fn(16, 8, |x, _| Rgb([if x < 8 { 0 } else { 255 }; 3]));
        let bytes = encoded(&picture.into(), ImageFormat::Jpeg);
        // An Exif segment after the first two bytes: one entry, orientation (0x0112) = 6.
        let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01".to_vec();
        exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
        let turned = [&bytes[..2], &exif[..], &bytes[2..]].concat();
        let image = read_picture(&turned).expect("a JPEG");
        assert_eq!((image.width, image.height), (8, 16));
        assert!(image.get(4, 1)[0] < 64 && image.get(4, 14)[0] > 192, "the left side is on top");
    }
}
