//! The data sets' descriptions, their form in memory, and the drawing of `signs`.
//!
//! To add a data set, write a file with an `INFO`, its `mod` line and a line in [`DATASETS`]; then a loader
//! in `trainer/src/data/`.

pub mod cifar10;
pub mod folder;
pub mod gtsrb;
mod image_size;
pub mod signs;
mod split;

pub use image_size::{ImageSize, ImageSizeError, LARGEST_SIDE};
pub use split::{Split, SplitName};

use serde::Serialize;

/// The description of a data set.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetInfo {
    /// The name in commands, recipes, links and result files.
    pub id: &'static str,
    /// The name in texts.
    pub title: &'static str,
    /// How to get it, for `unstamp list` and error messages.
    pub source: &'static str,
    /// Class names; empty if the folder names give them.
    pub classes: &'static [&'static str],
    /// Width and height in pixels to which images are brought unless another size is asked for.
    pub size: (usize, usize),
    /// Whether a mirrored image keeps its class.
    pub flip: bool,
}

/// Every data set.
pub static DATASETS: &[&DatasetInfo] = &[&signs::INFO, &cifar10::INFO, &gtsrb::INFO, &folder::INFO];

/// The description with this id.
pub fn dataset(id: &str) -> Option<&'static DatasetInfo> {
    DATASETS.iter().copied().find(|info| info.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_snake_case_and_found() {
        let ids: BTreeSet<&str> = DATASETS.iter().map(|info| info.id).collect();
        assert_eq!(ids.len(), DATASETS.len(), "two data sets have one id");
        for info in DATASETS {
            let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(info.id.chars().all(snake), "{}", info.id);
            assert_eq!(dataset(info.id).map(|found| found.title), Some(info.title));
        }
        assert!(dataset("cifar").is_none());
    }

    #[test]
    fn class_names_are_unique() {
        for info in DATASETS {
            let names: BTreeSet<&str> = info.classes.iter().copied().collect();
            assert_eq!(names.len(), info.classes.len(), "{}", info.id);
        }
    }
}
