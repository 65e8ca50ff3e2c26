//! A sheet of attacks: clean, triggered and amplified difference.

use crate::data::Dataset;
use font8x8::UnicodeFonts;
use unstamp_shared::attacks::Needs;
use unstamp_shared::image::Image;
use unstamp_shared::poison::Trigger;

/// Screen pixels a pixel.
const ZOOM: usize = 3;
const GAP: usize = 8;
const TEXT: usize = 16;
/// How many times a difference is shown, around middle grey.
const AMPLIFIED: i16 = 4;
const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [40, 40, 48];

/// Writes in letters of 8x8 pixels, twice enlarged.
fn write(sheet: &mut Image, text: &str, left: usize, top: usize) {
    for (i, letter) in text.chars().enumerate() {
        let rows = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
        for (y, row) in (0..TEXT).map(|y| (y, rows[y / 2])) {
            for x in (0..TEXT).filter(|x| row >> (x / 2) & 1 == 1) {
                let (x, y) = (left + TEXT * i + x, top + y);
                if x < sheet.width && y < sheet.height {
                    sheet.set(x, y, INK);
                }
            }
        }
    }
}

fn draw(sheet: &mut Image, image: &Image, left: usize, top: usize) {
    for y in 0..image.height * ZOOM {
        for x in 0..image.width * ZOOM {
            sheet.set(left + x, top + y, image.get(x / ZOOM, y / ZOOM));
        }
    }
}

/// `128 + 4 (b - a)`, saturating.
fn difference(a: &Image, b: &Image) -> Image {
    let far = |(a, b): (&u8, &u8)| {
        (128 + AMPLIFIED * (i16::from(*b) - i16::from(*a))).clamp(0, 255) as u8
    };
    let pixels = a.pixels.iter().zip(&b.pixels).map(far).collect();
    Image { width: a.width, height: a.height, pixels }
}

/// A row an attack, `columns` images each: the first test images of different classes, triggered, or,
/// where an attack has perturbed training images, these as they are planted.
pub fn sheet(data: &Dataset, rows: &[Trigger], columns: usize) -> Result<Image, String> {
    let classes = data.class_names.len();
    let first = |class: usize| {
        data.test.labels.iter().position(|label| usize::from(*label) == class % classes)
    };
    let shown: Vec<usize> = (1..=columns).filter_map(first).collect();
    let (side, tall) = (data.test.width * ZOOM, data.test.height * ZOOM);
    let (cell, line) = (3 * side + 3 * GAP, TEXT + tall + 2 * GAP);
    let longest = rows.iter().map(|row| row.attack.method().title.len()).max().unwrap_or(0);
    let width = (GAP + columns * cell).max(longest * TEXT + 2 * GAP);
    let mut sheet = Image::new(width, GAP + rows.len() * line);
    sheet.pixels.as_chunks_mut().0.fill(PAPER);
    for (r, row) in rows.iter().enumerate() {
        let top = GAP + r * line;
        write(&mut sheet, row.attack.method().title, GAP, top);
        let perturbed = row.attack.needs() == Needs::Perturbed && !row.pictures.is_empty();
        let (split, images) = match perturbed {
            true => (&data.train, row.pictures.keys().copied().take(columns).collect()),
            false => (&data.test, shown.clone()),
        };
        for (c, i) in images.into_iter().enumerate() {
            let clean = split.image(i);
            let mut marked = clean.clone();
            match perturbed {
                true => row.poison(&mut marked, i)?,
                false => row.stamp(&mut marked, i),
            }
            let difference = difference(&clean, &marked);
            for (k, image) in [&clean, &marked, &difference].into_iter().enumerate() {
                draw(
                    &mut sheet,
                    image,
                    GAP + c * cell + k * (side + GAP / 2),
                    top + TEXT + GAP / 2,
                );
            }
        }
    }
    Ok(sheet)
}
