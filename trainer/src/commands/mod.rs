//! What each command does.

mod look;
mod make;
mod model;
mod tell;
mod train;

pub use look::attention;
pub use make::{craft, preview, stamp};
pub use model::{eval, export, import};
pub use tell::{data, list, publish, serve, table};
pub use train::{erase, poison, run};

use crate::cell::arch_of;
use crate::cli::{Source, Subject};
use crate::data::{self, Dataset};
use crate::import::weights_of;
use crate::usage;
use anyhow::Result;
use unstamp_shared::attacks::{Attack, attack};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, Metadata};

/// The attack with this id, or a sentence.
fn known(id: &str) -> Result<&'static dyn Attack> {
    attack(id).ok_or_else(|| usage(format!("there is no attack '{id}'; see unstamp list")))
}

fn load(source: &Source) -> Result<Dataset> {
    data::info(&source.dataset).map_err(usage)?;
    let mut data = data::load(&source.dataset, source.data.as_deref())?;
    data.reflections = source.reflections.as_deref().map(data::pictures_in).transpose()?;
    Ok(data)
}

/// A model with the data it is measured on.
struct Opened {
    arrays: Arrays,
    metadata: Option<Metadata>,
    data: Dataset,
    arch: Arch,
}

/// The data set given, or the one the model's metadata name.
fn dataset_of<'a>(metadata: Option<&'a Metadata>, given: Option<&'a str>) -> Result<&'a str> {
    let known = metadata.map(|m| m.dataset.as_str());
    given
        .or(known)
        .filter(|d| !d.is_empty())
        .ok_or_else(|| usage("--dataset is missing: the model does not say what it was trained on"))
}

/// Opens a model; what is not given is taken from its metadata.
fn open(subject: &Subject) -> Result<Opened> {
    let (arrays, metadata) = weights_of(&subject.model)?;
    let dataset = dataset_of(metadata.as_ref(), subject.dataset.as_deref())?;
    let (dataset, data) = (dataset.to_string(), subject.data.clone());
    let data = load(&Source { dataset, data, reflections: subject.reflections.clone() })?;
    let arch = arch_of(metadata.as_ref(), subject.arch.as_deref(), data.class_names.len())?;
    Ok(Opened { arrays, metadata, data, arch })
}
