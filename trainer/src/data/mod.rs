//! Data sets on disk.
//!
//! A data set is a description (`unstamp_shared::datasets`) and a `Loader`. To add one, write a file
//! here with its loader, its `mod` line and a line in `LOADERS`.

pub mod archive;
mod bounded;
mod cifar10;
mod class_folders;
pub mod error;
pub mod fault;
pub mod fetch;
mod folder;
mod gtsrb;
mod names;
mod picture;
mod reflections;
mod signs;
pub mod skipped;
mod tar;
mod trigger_picture;
mod zip;

pub use error::DataError;
pub use picture::{PictureError, read_picture, resized, write_png};
pub use reflections::pictures_in;
pub use trigger_picture::{Placement, TriggerPictureError, read_trigger_picture};

use fetch::Download;
use skipped::Skipped;
use std::path::Path;
use std::sync::Arc;
use unstamp_shared::attacks::{Attack, Needs, Pictures};
use unstamp_shared::datasets::{DATASETS, DatasetInfo, ImageSize, Split, dataset};
use unstamp_shared::poison::reflections;
use unstamp_shared::seed::Seed;

/// A data set in memory.
#[derive(Debug)]
pub struct Dataset {
    /// The description.
    pub info: &'static DatasetInfo,
    /// The name of each label.
    pub class_names: Vec<String>,
    /// The training images.
    pub train: Split,
    /// The test images.
    pub test: Split,
    /// Pictures that the user gave to be reflected; without them training images are reflected.
    pub reflections: Option<Arc<Pictures>>,
}

impl Dataset {
    /// The size of the training images, if it differs from the data set's default and is possible.
    pub fn unusual_size(&self) -> Option<ImageSize> {
        let size = ImageSize::new(self.train.width, self.train.height).ok()?;
        size.unless_usual(self.info)
    }

    /// The pictures an attack needs for stamping.
    pub fn pictures(&self, attack: &dyn Attack, seed: Seed) -> Arc<Pictures> {
        match (attack.needs(), &self.reflections) {
            (Needs::Reflections, Some(given)) => given.clone(),
            (Needs::Reflections, None) => {
                let chosen = reflections(self.train.len(), seed).into_iter();
                Arc::new(chosen.map(|i| (i, self.train.image(i))).collect())
            }
            _ => Arc::default(),
        }
    }
}

/// The content of a data set, and the files that were skipped.
#[derive(Debug)]
struct Loaded {
    class_names: Vec<String>,
    train: Split,
    test: Split,
    skipped: Skipped,
}

/// Reads or draws a data set.
trait Loader: Sync {
    /// The description of the data set.
    fn info(&self) -> &'static DatasetInfo;

    /// Loads both splits from a folder or archive, with images of `size` (width, height).
    fn load(&self, path: Option<&Path>, size: (usize, usize)) -> Result<Loaded, DataError>;

    /// The official files; empty if there is nothing to download.
    fn downloads(&self) -> Vec<Download> {
        Vec::new()
    }
}

/// The loader of every data set; a test checks that [`DATASETS`] has the same ids.
static LOADERS: &[&dyn Loader] =
    &[&signs::Signs, &cifar10::Cifar10, &gtsrb::Gtsrb, &folder::Folder];

/// Choices that loading leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Size to which images are brought; that of the description if `None`.
    pub image_size: Option<ImageSize>,
}

/// The description of `id`.
///
/// # Errors
/// If there is no data set with this id; the message lists all ids.
pub fn info(id: &str) -> Result<&'static DatasetInfo, DataError> {
    dataset(id).ok_or_else(|| {
        let known: Vec<&str> = DATASETS.iter().map(|info| info.id).collect();
        DataError::Unknown { id: id.to_string(), known: known.join(", ") }
    })
}

fn loader(id: &str) -> Result<&'static dyn Loader, DataError> {
    let info = info(id)?;
    let found = LOADERS.iter().copied().find(|loader| loader.info().id == info.id);
    found.ok_or(DataError::NoLoader { id: info.id })
}

/// Loads a data set with its default image size. `signs` is drawn; the others need a path.
///
/// # Errors
/// As [`load_with`].
pub fn load(id: &str, path: Option<&Path>) -> Result<Dataset, DataError> {
    load_with(id, path, LoadOptions::default())
}

/// Loads a data set. Warns how many files were skipped, and why.
///
/// # Errors
/// If the data set is unknown, a file cannot be read, or files do not fit the layout such that
/// labels or counts would be wrong.
pub fn load_with(
    id: &str,
    path: Option<&Path>,
    options: LoadOptions,
) -> Result<Dataset, DataError> {
    let loader = loader(id)?;
    let info = loader.info();
    let Loaded { class_names, train, test, skipped } =
        loader.load(path, options.image_size.map_or(info.size, ImageSize::pair))?;
    for (split, images) in [("training", &train), ("test", &test)] {
        if images.is_empty() {
            let path = path.unwrap_or(Path::new("")).display().to_string();
            return Err(DataError::Empty { id: info.id, path, split, hint: String::new() });
        }
    }
    for line in skipped.lines() {
        log::warn!("{id}: {line}");
    }
    log::debug!("{id}: {} training and {} test images", train.len(), test.len());
    Ok(Dataset { info, class_names, train, test, reflections: None })
}

/// The path, which this data set needs.
fn given<'a>(path: Option<&'a Path>, info: &DatasetInfo) -> Result<&'a Path, DataError> {
    path.ok_or(DataError::NoPath { id: info.id, how: info.source })
}

/// The class names of a description.
fn names(info: &DatasetInfo) -> Vec<String> {
    info.classes.iter().map(|name| name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_description_has_its_loader() {
        let described: BTreeSet<&str> = DATASETS.iter().map(|info| info.id).collect();
        let loaded: BTreeSet<&str> = LOADERS.iter().map(|loader| loader.info().id).collect();
        assert_eq!(loaded.len(), LOADERS.len(), "a data set has two loaders");
        assert_eq!(described, loaded, "the lists of descriptions and of loaders differ");
    }

    #[test]
    fn wrong_use_is_named() {
        let refused = |id, path: Option<&str>| {
            load(id, path.map(Path::new)).expect_err("refused").to_string()
        };
        assert!(refused("cifar", None).contains("there are: signs, cifar10, gtsrb, folder"));
        assert!(refused("cifar10", None).contains("--data is missing for cifar10"));
        let larger = LoadOptions { image_size: ImageSize::new(64, 64).ok() };
        let error = load_with("signs", None, larger).expect_err("refused").to_string();
        assert!(error.contains("32x32 pixels only"), "{error}");
    }
}
