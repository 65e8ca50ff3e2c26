//! `signs`: ten classes of traffic signs, drawn by this program.
//!
//! Image `i` of a split is a pure function of (seed, split, i), so the page draws its own test
//! images and nothing is downloaded. Shapes are tested at four points a pixel. Only `+ - * /`,
//! `sqrt` and `libm` are used, so every platform draws the same bytes.

mod scene;
mod shapes;

use super::{DatasetInfo, Split, SplitName};
use crate::image::Image;
use crate::seed::{Seed, Stream};
use scene::{Background, Bar, Light, Pose};
use shapes::SIGNS;

/// The description of `signs`.
pub static INFO: DatasetInfo = DatasetInfo {
    id: "signs",
    title: "Signs",
    source: "drawn by this program; nothing to download",
    classes: &CLASSES,
    size: (SIZE, SIZE),
    flip: false,
};

/// Side of an image in pixels.
pub const SIZE: usize = 32;
/// Images in the training split.
pub const TRAIN: usize = 10_000;
/// Images in the test split.
pub const TEST: usize = 2_000;

/// Class names, in the order of the labels.
pub const CLASSES: [&str; SIGNS.len()] = {
    let mut names = [""; SIGNS.len()];
    let mut label = 0;
    while label < SIGNS.len() {
        names[label] = SIGNS[label].0;
        label += 1;
    }
    names
};

/// Red, green and blue in 0..1.
type Rgb = [f32; 3];

/// The images of `split` at `indices`, drawn.
pub fn split(seed: Seed, split: SplitName, indices: impl IntoIterator<Item = usize>) -> Split {
    let mut drawn = Split::new(SIZE, SIZE);
    for index in indices {
        let (image, label) = draw(seed, split, index);
        drawn.push(&image, label);
    }
    drawn
}

/// Draws image `index` of `split`; returns it with its class.
/// # Examples
///
/// ```
/// use unstamp_data::datasets::{SplitName, signs};
/// use unstamp_data::seed::Seed;
///
/// let (image, label) = signs::draw(Seed(0), SplitName::Test, 3);
/// assert_eq!((image.width, image.height), (32, 32));
/// assert_eq!(signs::CLASSES[usize::from(label)], "yield");
/// ```
pub fn draw(seed: Seed, split: SplitName, index: usize) -> (Image, u16) {
    let number = match split {
        SplitName::Train => 0,
        SplitName::Test => 1,
    };
    let stream = &mut seed.stream("signs", &[number, index as u64]);
    let class = stream.below(CLASSES.len());
    let colours = blurred(rendered(class, stream), stream.range(0.0, 0.9));
    let noise = stream.range(0.01, 0.09);
    let mut image = Image::new(SIZE, SIZE);
    for (i, rgb) in colours.into_iter().enumerate() {
        let bytes =
            rgb.map(|v| ((v + noise * stream.normal()) * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
        image.set(i % SIZE, i / SIZE, bytes);
    }
    (image, class as u16)
}

/// The sign of `class` in a random scene, `[SIZE * SIZE]` colours.
fn rendered(class: usize, stream: &mut Stream) -> Vec<Rgb> {
    let sign = SIGNS[class].1;
    let background = Background::new(stream);
    let pose = Pose::new(stream);
    let light = Light::new(stream);
    let bar = Bar::new(stream);
    let mut colours = vec![[0.0; 3]; SIZE * SIZE];
    for (i, colour) in colours.iter_mut().enumerate() {
        for sample in 0..4 {
            let x = ((i % SIZE) as f32 + 0.25 + 0.5 * (sample % 2) as f32) / SIZE as f32;
            let y = ((i / SIZE) as f32 + 0.25 + 0.5 * (sample / 2) as f32) / SIZE as f32;
            let (u, v) = pose.on_sign(x, y);
            let surface = match bar.covers(x, y) {
                true => bar.colour,
                false => sign(u, v).unwrap_or_else(|| background.at(x, y)),
            };
            let seen = light.quarter(surface, x, y);
            *colour = [0, 1, 2].map(|c| colour[c] + seen[c]);
        }
    }
    colours
}

/// Two passes of the 3-tap filter `[a, 1, a] / (1 + 2a)` along rows and columns.
fn blurred(mut colours: Vec<Rgb>, a: f32) -> Vec<Rgb> {
    for (step, across) in [(1, 1), (SIZE, SIZE), (1, 1), (SIZE, SIZE)] {
        let before = colours.clone();
        for i in 0..colours.len() {
            let place = i / across % SIZE;
            let left = if place == 0 { i } else { i - step };
            let right = if place == SIZE - 1 { i } else { i + step };
            colours[i] = [0, 1, 2].map(|c| {
                (before[i][c] + a * (before[left][c] + before[right][c])) / (1.0 + 2.0 * a)
            });
        }
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::hex;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    /// The first line of `tests/fixtures/image_hashes.json`; the browser test compares with it too.
    const FIRST_100_TEST_IMAGES: &str =
        "6a67e02e79896cdb9cf5827ba0770526aee7f55dfb3b1bd2d7a6a0921e750415";

    #[test]
    fn every_platform_draws_these_bytes() {
        let drawn = split(Seed(0), SplitName::Test, 0..100);
        assert_eq!(hex(&Sha256::digest(&drawn.pixels)), FIRST_100_TEST_IMAGES);
    }

    #[test]
    fn classes_are_about_equally_frequent() {
        let drawn = split(Seed(0), SplitName::Train, 0..1000);
        for (label, name) in CLASSES.iter().enumerate() {
            let count = drawn.labels.iter().filter(|l| usize::from(**l) == label).count();
            assert!((60..=140).contains(&count), "{name}: {count} of 1000");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn an_image_depends_on_seed_split_and_index_only(seed: u64, index in 0..TRAIN) {
            let train = draw(Seed(seed), SplitName::Train, index);
            let around = [index + 1, index, index + 2];
            let among_others = split(Seed(seed), SplitName::Train, around);
            prop_assert_eq!(&train.0, &among_others.image(1));
            prop_assert_eq!(train.1, among_others.labels[1]);
            prop_assert_ne!(&train.0, &draw(Seed(seed), SplitName::Test, index).0);
            prop_assert_ne!(&train.0, &draw(Seed(seed ^ 1), SplitName::Train, index).0);
        }
    }
}
