//! Small values survive their texts: image sizes, digests of weights, places in a run, painted triggers.

use crate::config;
use crate::drawn::{arrays, text};
use proptest::collection::vec;
use proptest::num::f32::ANY;
use proptest::prelude::*;
use std::io::Cursor;
use unstamp_shared::datasets::{ImageSize, ImageSizeError, LARGEST_SIDE};
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_shared::recipe::WeightsDigest;
use unstamp_shared::sprite::Sprite;
use unstamp_trainer::cell::AbortAfter;
use unstamp_trainer::data::{Placement, read_trigger_picture};

/// Sides that an image may have.
fn side() -> impl Strategy<Value = usize> {
    8..=LARGEST_SIDE
}

/// Sides that no image may have.
fn wrong_side() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..8, LARGEST_SIDE + 1..=usize::MAX]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_image_size_survives_its_text(width in side(), height in side()) {
        let size = ImageSize::new(width, height).expect("allowed sides");
        prop_assert_eq!(size.pair(), (width, height));
        prop_assert_eq!(size.to_string().parse(), Ok(size));
        let json = serde_json::to_string(&size).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<ImageSize>(&json).expect("sound"), size);
        let square = ImageSize::new(width, width).expect("allowed sides");
        prop_assert_eq!(width.to_string().parse(), Ok(square));
        prop_assert_eq!(serde_json::from_str::<ImageSize>(&width.to_string()).expect("sound"), square);
    }

    /// The message holds both sides, so that the wrong one can be found.
    #[test]
    fn an_image_size_with_a_wrong_side_is_refused(wrong in wrong_side(), right in side()) {
        for (width, height) in [(wrong, right), (right, wrong)] {
            let text = format!("{width}x{height}");
            let error = ImageSizeError::Range { width, height };
            prop_assert!(error.to_string().contains(&text));
            prop_assert_eq!(text.parse::<ImageSize>(), Err(error));
            let json = format!("[{width},{height}]");
            let refused = serde_json::from_str::<ImageSize>(&json).expect_err(&json).to_string();
            prop_assert!(refused.contains(&text), "{}", refused);
        }
    }

    #[test]
    fn no_text_of_an_image_size_panics(text in "\\PC*|[0-9x]{0,30}") {
        let _ = text.parse::<ImageSize>();
    }

    /// Upper-case digits stand for the same digest.
    #[test]
    fn a_digest_of_weights_survives_its_text(arrays in arrays(ANY)) {
        let digest = WeightsDigest::of(&arrays);
        let text = digest.to_string();
        prop_assert_eq!(text.parse(), Ok(digest.clone()));
        prop_assert_eq!(text.to_uppercase().parse(), Ok(digest.clone()));
        prop_assert!(text.starts_with(digest.short()));
        prop_assert_eq!(serde_json::to_value(&digest).expect("plain data"), text);
    }

    /// A digest is that of the values in their order: one other bit gives another text.
    #[test]
    fn other_weights_have_another_digest(
        values in vec(ANY, 1..20),
        place in any::<prop::sample::Index>(),
        bit in 0u32..32,
    ) {
        let digest = |values: Vec<f32>| {
            let array = Array { shape: vec![values.len()], values };
            WeightsDigest::of(&Arrays::from([("a".to_string(), array)])).to_string()
        };
        let mut other = values.clone();
        let place = place.index(other.len());
        other[place] = f32::from_bits(other[place].to_bits() ^ 1 << bit);
        prop_assert_ne!(digest(values), digest(other));
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_digest(text in "[0-9a-fA-F]{60,68}|[0-9a-g]{64}|\\PC*") {
        let sound = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        let read = text.parse::<WeightsDigest>();
        prop_assert_eq!(read.is_ok(), sound);
        match read {
            Ok(digest) => prop_assert_eq!(digest.to_string(), text.to_ascii_lowercase()),
            Err(error) => prop_assert!(error.to_string().contains(&text)),
        }
    }

    /// The text is only read, so the place is compared with what it shows. A cell may hold any character.
    #[test]
    fn a_place_in_a_run_is_read_from_its_text(cell in text(), count in any::<usize>()) {
        let place: AbortAfter = format!("{cell}:{count}").parse().expect("a cell and a number");
        let shown = format!("AbortAfter {{ cell: {cell:?}, count: {count} }}");
        prop_assert_eq!(format!("{place:?}"), shown);
    }

    #[test]
    fn a_text_without_a_number_is_no_place_in_a_run(cell in "[a-z0-9-]{0,9}", rest in ":?[a-z ]{0,4}") {
        let text = format!("{cell}{rest}");
        let error = text.parse::<AbortAfter>().expect_err(&text).to_string();
        prop_assert!(error.contains(&text), "{}", error);
    }
}

/// Columns and rows of an image that somebody paints on.
const SIZE: (usize, usize) = (9, 7);

/// A painting on an image of [`SIZE`]; most pixels are clear.
fn painting() -> impl Strategy<Value = Vec<[u8; 4]>> {
    let pixel = prop_oneof![3 => Just([0; 4]), 1 => any::<[u8; 4]>()];
    vec(pixel, SIZE.0 * SIZE.1)
}

/// A PNG with transparency, as the page saves it.
fn png_of(rgba: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(Cursor::new(&mut bytes), SIZE.0 as u32, SIZE.1 as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(rgba.as_flattened()).expect("pixels");
    writer.finish().expect("an end");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    /// From a PNG file to the text of a parameter, and back to the painted pixels.
    #[test]
    fn a_painted_trigger_survives_its_file_and_its_text(rgba in painting()) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trigger.png");
        std::fs::write(&path, png_of(&rgba)).expect("written");
        let read = read_trigger_picture(&path, SIZE, Placement::AsPainted, false);
        let Some(painted) = Sprite::cropped(SIZE.0, &rgba) else {
            prop_assert!(read.is_err());
            return Ok(());
        };
        let sprite = read.expect("something can be seen").sprite;
        prop_assert_eq!(&sprite, &painted);
        let again: Sprite = sprite.to_string().parse().expect("what is written is sound");
        for (i, pixel) in rgba.iter().enumerate() {
            let column = (i % SIZE.0).checked_sub(again.x).filter(|x| *x < again.width);
            let row = (i / SIZE.0).checked_sub(again.y).filter(|y| *y < again.height);
            let found = column.zip(row).map_or([0; 4], |(x, y)| again.get(x, y));
            prop_assert!(found == *pixel || (found[3] == 0 && pixel[3] == 0), "pixel {}", i);
        }
    }
}
