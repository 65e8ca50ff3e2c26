//! A model on disk together with the data set it is measured on.

use crate::args::{ModelArgs, SourceArgs};
use crate::data::{self, Dataset, LoadOptions};
use crate::import::weights_of;
use crate::usage;
use anyhow::{Result, ensure};
use unstamp_shared::model::weights::{Arrays, Metadata};
use unstamp_shared::model::{Arch, DEFAULT_ARCH};

/// A model with the data it is measured on.
pub struct OpenModel {
    /// Its weights.
    pub arrays: Arrays,
    /// The file's metadata about the model, where it has some.
    pub metadata: Option<Metadata>,
    /// The data set.
    pub data: Dataset,
    /// Its architecture.
    pub arch: Arch,
}

impl OpenModel {
    /// Reads a model and its data set. What the arguments leave out comes from the metadata.
    ///
    /// # Errors
    /// A file cannot be read, no data set is known, or model and data have different classes or number them otherwise.
    pub fn read(args: &ModelArgs) -> Result<Self> {
        let (arrays, metadata) = weights_of(&args.model)?;
        let dataset = dataset_of(metadata.as_ref(), args.dataset.as_deref())?;
        let data = load_data(&SourceArgs {
            dataset: dataset.to_string(),
            data: args.data.clone(),
            reflections: args.reflections.clone(),
            image_size: args.image_size.or(metadata.as_ref().and_then(|m| m.image_size)),
        })?;
        let arch = arch_of(metadata.as_ref(), args.arch.as_deref(), data.class_names.len())?;
        let own = metadata.as_ref().map(|m| m.class_names.as_slice()).unwrap_or_default();
        ensure!(
            !are_reordered(own, &data.class_names),
            "the data has the model's classes in another order ({} numbers them in its own way); give the \
             model's own data set",
            data.info.id
        );
        arch.check_images((data.train.width, data.train.height)).map_err(usage)?;
        Ok(Self { arrays, metadata, data, arch })
    }

    /// Width and height of the images.
    pub fn size(&self) -> (usize, usize) {
        (self.data.train.width, self.data.train.height)
    }
}

/// Whether two lists hold the same names in another order.
fn are_reordered(names: &[String], others: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        sorted
    };
    names != others && sorted(names) == sorted(others)
}

/// Loads a data set, with the pictures for reflections.
///
/// # Errors
/// The data set is not known, its files are missing or broken.
pub fn load_data(source: &SourceArgs) -> Result<Dataset> {
    data::info(&source.dataset).map_err(usage)?;
    let options = LoadOptions { image_size: source.image_size };
    let mut data = data::load_with(&source.dataset, source.data.as_deref(), options)?;
    data.reflections = source.reflections.as_deref().map(data::pictures_in).transpose()?;
    Ok(data)
}

/// The data set that the command line names, or the one that the model's metadata name.
///
/// # Errors
/// Neither names one.
pub fn dataset_of<'a>(metadata: Option<&'a Metadata>, given: Option<&'a str>) -> Result<&'a str> {
    let recorded = metadata.map(|m| m.dataset.as_str());
    given
        .or(recorded)
        .filter(|dataset| !dataset.is_empty())
        .ok_or_else(|| usage("--dataset is missing: the model does not say what it was trained on"))
}

/// The architecture that the command line or the metadata name, for `classes` classes.
///
/// # Errors
/// The architecture is not known, or the model has another number of classes.
pub fn arch_of(metadata: Option<&Metadata>, given: Option<&str>, classes: usize) -> Result<Arch> {
    let recorded = metadata.map(|m| m.arch.as_str());
    if let Some(m) = metadata.filter(|m| !m.class_names.is_empty()) {
        ensure!(
            m.class_names.len() == classes,
            "the model has {} classes, the data {classes}",
            m.class_names.len()
        );
    }
    let arch = Arch {
        normalisation: metadata.and_then(|m| m.normalisation),
        ..Arch::new(given.or(recorded).unwrap_or(DEFAULT_ARCH), classes)
    };
    arch.describe().map_err(usage)?;
    Ok(arch)
}
