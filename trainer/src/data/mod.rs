//! Data sets on disk.

pub mod archive;
mod cifar10;
pub mod fetch;
mod folder;
mod gtsrb;
mod picture;
mod signs;

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unstamp_shared::attacks::{Attack, Needs, Pictures};
use unstamp_shared::datasets::{DatasetInfo, Split, dataset};
use unstamp_shared::poison::reflections;
use unstamp_shared::seed::Seed;

pub use picture::{read_picture, read_sprite, resized, write_png};

/// A data set in memory.
#[derive(Debug)]
pub struct Dataset {
    pub info: &'static DatasetInfo,
    pub class_names: Vec<String>,
    pub train: Split,
    pub test: Split,
    /// Pictures somebody gave to be reflected; otherwise training images are.
    pub reflections: Option<Arc<Pictures>>,
}

impl Dataset {
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

/// Every picture in a folder, by name, at its own size.
pub fn pictures_in(folder: &Path) -> Result<Arc<Pictures>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("--reflections {} cannot be listed", folder.display()))?;
    let mut files = entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    ensure!(!files.is_empty(), "--reflections {} holds no pictures", folder.display());
    let read = |file: &PathBuf| {
        read_picture(&crate::files::read(file)?)
            .with_context(|| format!("{} cannot be read", file.display()))
    };
    let pictures: Result<Vec<_>> = files.iter().map(read).collect();
    Ok(Arc::new(pictures?.into_iter().enumerate().collect()))
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
            Dataset { info, class_names: names(), train, test, reflections: None }
        }
        "cifar10" => {
            let (train, test) = cifar10::load(need()?)?;
            Dataset { info, class_names: names(), train, test, reflections: None }
        }
        "gtsrb" => {
            let (train, test) = gtsrb::load(need()?)?;
            Dataset { info, class_names: names(), train, test, reflections: None }
        }
        _ => {
            let (train, test, class_names) = folder::load(need()?, info.size)?;
            Dataset { info, class_names, train, test, reflections: None }
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
