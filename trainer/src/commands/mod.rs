//! What each command does.

mod measure;
mod tell;
mod train;

pub use measure::{attention, eval, export, import, stamp};
pub use tell::{data, list, publish, serve, table};
pub use train::{erase, poison, run};

use crate::cell::arch_of;
use crate::cli::Subject;
use crate::data::{self, Dataset};
use crate::import::weights_of;
use crate::usage;
use anyhow::Result;
use std::path::Path;
use unstamp_shared::method::Values;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, Metadata};

fn values(pairs: &[String]) -> Result<Values> {
    Values::parse(pairs.iter().map(String::as_str)).map_err(usage)
}

fn load(id: &str, path: Option<&Path>) -> Result<Dataset> {
    data::info(id).map_err(usage)?;
    data::load(id, path)
}

/// A model with the data it is measured on.
struct Opened {
    arrays: Arrays,
    metadata: Option<Metadata>,
    data: Dataset,
    arch: Arch,
}

/// Opens a model; what is not given is taken from its metadata.
fn open(subject: &Subject) -> Result<Opened> {
    let (arrays, metadata) = weights_of(&subject.model)?;
    let known = metadata.as_ref().map(|m| m.dataset.as_str());
    let dataset =
        subject.dataset.as_deref().or(known).filter(|d| !d.is_empty()).ok_or_else(|| {
            usage("--dataset is missing: the model does not say what it was trained on")
        })?;
    let data = load(dataset, subject.data.as_deref())?;
    let arch = arch_of(metadata.as_ref(), subject.arch.as_deref(), &data)?;
    Ok(Opened { arrays, metadata, data, arch })
}
