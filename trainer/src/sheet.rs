//! A sheet of attacks: clean, triggered and amplified difference.

use crate::data::Dataset;
use crate::grid::{Row, grid};
use unstamp_shared::attacks::Needs;
use unstamp_shared::image::Image;
use unstamp_shared::poison::Trigger;

/// How many times a difference is shown, around middle grey.
const AMPLIFIED: i16 = 4;

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
pub fn sheet(data: &Dataset, triggers: &[Trigger], columns: usize) -> Result<Image, String> {
    let classes = data.class_names.len();
    let first = |class: usize| {
        data.test.labels.iter().position(|label| usize::from(*label) == class % classes)
    };
    let shown: Vec<usize> = (1..=columns).filter_map(first).collect();
    let row = |trigger: &Trigger| -> Result<Row, String> {
        let perturbed = trigger.attack.needs() == Needs::Perturbed && !trigger.pictures.is_empty();
        let (split, indices) = match perturbed {
            true => (&data.train, trigger.pictures.keys().copied().take(columns).collect()),
            false => (&data.test, shown.clone()),
        };
        let mut images = Vec::new();
        for i in indices {
            let clean = split.image(i);
            let mut marked = clean.clone();
            match perturbed {
                true => trigger.poison(&mut marked, i)?,
                false => trigger.stamp(&mut marked, i),
            }
            let difference = difference(&clean, &marked);
            images.extend([clean, marked, difference]);
        }
        Ok((trigger.attack.method().title.to_string(), images))
    };
    Ok(grid(&triggers.iter().map(row).collect::<Result<Vec<_>, _>>()?))
}
