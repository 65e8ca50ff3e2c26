//! `signs`, drawn on all cores.

use super::error::DataError;
use super::skipped::Skipped;
use super::{Loaded, Loader, names};
use rayon::prelude::*;
use std::path::Path;
use unstamp_shared::datasets::{DatasetInfo, Split, SplitName, signs};
use unstamp_shared::seed::Seed;

/// Draws the images; needs no files.
pub(super) struct Signs;

impl Loader for Signs {
    fn info(&self) -> &'static DatasetInfo {
        &signs::INFO
    }

    fn load(&self, _path: Option<&Path>, size: (usize, usize)) -> Result<Loaded, DataError> {
        if size != signs::INFO.size {
            let has = format!("{}x{} pixels only", signs::SIZE, signs::SIZE);
            return Err(DataError::Size { id: signs::INFO.id, has });
        }
        Ok(Loaded {
            class_names: names(&signs::INFO),
            train: drawn(SplitName::Train, signs::TRAIN),
            test: drawn(SplitName::Test, signs::TEST),
            skipped: Skipped::default(),
        })
    }
}

fn drawn(split: SplitName, count: usize) -> Split {
    let draw = |index| signs::draw(Seed(0), split, index);
    let images: Vec<_> = (0..count).into_par_iter().map(draw).collect();
    Split::from_images(signs::SIZE, signs::SIZE, &images)
}
