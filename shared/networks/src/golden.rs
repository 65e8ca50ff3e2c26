//! One hash a picture-making function, the same on every platform.

use sha2::{Digest, Sha256};
use unstamp_data::attacks::ATTACKS;
use unstamp_data::datasets::{SplitName, signs};
use unstamp_data::method::Values;
use unstamp_data::poison::{TriggerRecord, sign_trigger};
use unstamp_data::seed::{Seed, hex};

/// SHA-256 of the first 100 test signs, then of the same under every attack with its defaults, in
/// the order of the list.
pub fn hashes() -> Vec<String> {
    let images: Vec<_> = (0..100).map(|i| signs::draw(Seed(0), SplitName::Test, i).0).collect();
    let plain = images.iter().fold(Sha256::new(), |hash, image| hash.chain_update(&image.pixels));
    let stamped = ATTACKS.iter().map(|attack| {
        let (attack, set) = (attack.method().id.to_string(), Values::default());
        let record = TriggerRecord { attack, set, target: 0, seed: 0 };
        let trigger = sign_trigger(&record, signs::CLASSES.len()).expect("defaults are valid");
        let hash = images.iter().enumerate().fold(Sha256::new(), |hash, (i, image)| {
            let mut image = image.clone();
            trigger.stamp(&mut image, i);
            hash.chain_update(&image.pixels)
        });
        hex(&hash.finalize())
    });
    core::iter::once(hex(&plain.finalize())).chain(stamped).collect()
}
