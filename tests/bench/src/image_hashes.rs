//! Hashes of generated images and triggers, which must be the same on every platform.

use crate::BenchError;
use sha2::{Digest, Sha256};
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::method::Values;
use unstamp_shared::poison::{Trigger, TriggerRecord, sign_trigger};
use unstamp_shared::seed::{Seed, hex};

/// Number of images in each hash.
const IMAGES: usize = 100;

/// SHA-256 of the first 100 test images of `signs`, then of the same images stamped by every
/// attack of [`ATTACKS`] with its default parameters, in the order of the list.
///
/// # Errors
/// If the default parameters of an attack are not valid.
pub fn hashes() -> Result<Vec<String>, BenchError> {
    let images: Vec<Image> =
        (0..IMAGES).map(|i| signs::draw(Seed(0), SplitName::Test, i).0).collect();
    let mut hashes = vec![hash(&images, None)];
    for attack in ATTACKS {
        let record = TriggerRecord {
            attack: attack.method().id.to_string(),
            set: Values::default(),
            target: 0,
            seed: 0,
        };
        let trigger = sign_trigger(&record, signs::CLASSES.len())?;
        hashes.push(hash(&images, Some(&trigger)));
    }
    Ok(hashes)
}

/// SHA-256, in hexadecimal digits, of the pixels of all images, each stamped with `trigger`.
fn hash(images: &[Image], trigger: Option<&Trigger>) -> String {
    let mut hash = Sha256::new();
    for (index, image) in images.iter().enumerate() {
        let mut image = image.clone();
        if let Some(trigger) = trigger {
            trigger.stamp(&mut image, index);
        }
        hash.update(&image.pixels);
    }
    hex(&hash.finalize())
}
