//! `signs`, drawn on all cores.

use rayon::prelude::*;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::seed::Seed;

/// Training and test split.
pub fn load(seed: Seed) -> (Split, Split) {
    let draw = |name: SplitName, count: usize| {
        let images: Vec<_> =
            (0..count).into_par_iter().map(|i| signs::draw(seed, name, i)).collect();
        let mut split = Split { width: signs::SIZE, height: signs::SIZE, ..Split::default() };
        images.iter().for_each(|(image, label)| split.push(image, *label));
        split
    };
    (draw(SplitName::Train, signs::TRAIN), draw(SplitName::Test, signs::TEST))
}
