//! Data sets on disk.

pub mod archive;
mod cifar10;
pub mod fetch;
mod folder;
mod gtsrb;
mod picture;
mod signs;

use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::datasets::{DatasetInfo, Split, dataset};
use unstamp_shared::seed::Seed;

pub use picture::{read_picture, resized, write_png};

/// A data set in memory.
#[derive(Debug)]
pub struct Dataset {
    pub info: &'static DatasetInfo,
    pub class_names: Vec<String>,
    pub train: Split,
    pub test: Split,
}

/// The description of `id`, or a sentence with those there are.
pub fn info(id: &str) -> Result<&'static DatasetInfo> {
    dataset(id).with_context(|| {
        let known: Vec<_> = unstamp_shared::datasets::DATASETS.iter().map(|d| d.id).collect();
        format!("there is no data set '{id}'; there are: {}", known.join(", "))
    })
}

/// Loads a data set. `signs` is drawn; the others need a path.
pub fn load(id: &str, path: Option<&Path>) -> Result<Dataset> {
    let info = info(id)?;
    let need = || path.with_context(|| format!("--data is missing for {id}: {}", info.source));
    let names = || info.classes.iter().map(|c| c.to_string()).collect();
    let dataset = match id {
        "signs" => {
            let (train, test) = signs::load(Seed(0));
            Dataset { info, class_names: names(), train, test }
        }
        "cifar10" => {
            let (train, test) = cifar10::load(need()?)?;
            Dataset { info, class_names: names(), train, test }
        }
        "gtsrb" => {
            let (train, test) = gtsrb::load(need()?)?;
            Dataset { info, class_names: names(), train, test }
        }
        _ => {
            let (train, test, class_names) = folder::load(need()?, info.size)?;
            Dataset { info, class_names, train, test }
        }
    };
    for (name, split) in [("training", &dataset.train), ("test", &dataset.test)] {
        ensure!(
            !split.is_empty(),
            "{id} at {} has no {name} images",
            path.unwrap_or(Path::new("")).display()
        );
        let classes = dataset.class_names.len();
        if let Some(label) = split.labels.iter().find(|l| usize::from(**l) >= classes) {
            anyhow::bail!(
                "a {name} image has label {label}, but {id} has classes 0 to {}",
                classes - 1
            );
        }
    }
    Ok(dataset)
}
