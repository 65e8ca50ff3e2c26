//! A sheet of attacks: clean images, triggered images and their amplified difference.

use crate::captioned_rows::{Row, captioned_rows};
use crate::data::Dataset;
use crate::usage;
use anyhow::Result;
use unstamp_shared::attacks::Needs;
use unstamp_shared::image::Image;
use unstamp_shared::poison::Trigger;

/// Factor by which a difference is enlarged, around middle grey.
const AMPLIFIED: i16 = 4;

/// `128 + 4 (b - a)`, saturating.
fn difference(a: &Image, b: &Image) -> Image {
    let amplified = |a: u8, b: u8| {
        let value = 128 + AMPLIFIED * (i16::from(b) - i16::from(a));
        value.clamp(0, 255) as u8
    };
    let pixels = a.pixels.iter().zip(&b.pixels).map(|(a, b)| amplified(*a, *b)).collect();
    Image { width: a.width, height: a.height, pixels }
}

/// One row for each attack, with `columns` groups of clean image, triggered image and difference. The
/// images are the first test images of different classes. An attack that perturbs training images
/// shows those instead, as they are planted.
///
/// # Errors
/// An attack cannot be put on an image.
pub fn attack_sheet(data: &Dataset, triggers: &[Trigger], columns: usize) -> Result<Image> {
    let rows = triggers.iter().map(|trigger| row(data, trigger, columns));
    Ok(captioned_rows(&rows.collect::<Result<Vec<_>>>()?))
}

/// The first test image of each of `columns` classes.
fn first_of_classes(data: &Dataset, columns: usize) -> Vec<usize> {
    let classes = data.class_names.len();
    let first = |class: usize| {
        data.test.labels.iter().position(|label| usize::from(*label) == class % classes)
    };
    (1..=columns).filter_map(first).collect()
}

fn row(data: &Dataset, trigger: &Trigger, columns: usize) -> Result<Row> {
    let perturbed = trigger.attack.needs() == Needs::Perturbed && !trigger.pictures.is_empty();
    let split = if perturbed { &data.train } else { &data.test };
    let indices = match perturbed {
        true => trigger.pictures.keys().copied().take(columns).collect(),
        false => first_of_classes(data, columns),
    };
    let mut images = Vec::new();
    for i in indices {
        let clean = split.image(i);
        let mut marked = clean.clone();
        match perturbed {
            true => trigger.poison(&mut marked, i).map_err(usage)?,
            false => trigger.stamp(&mut marked, i),
        }
        let difference = difference(&clean, &marked);
        images.extend([clean, marked, difference]);
    }
    Ok((trigger.attack.method().title.to_string(), images))
}
