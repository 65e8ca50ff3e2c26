//! Cells that were finished for another recipe.

use super::CellPaths;
use crate::files;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use unstamp_shared::recipe::Cell;
use unstamp_shared::result::CellResult;

/// Finished cells in some folders, by hash. Two recipes share a cell if everything that decides its
/// outcome is equal.
#[derive(Default)]
pub struct FinishedCells(BTreeMap<String, PathBuf>);

impl FinishedCells {
    /// The cells in these folders and in the folders inside of them. A folder that does not exist holds
    /// none. Where several hold a cell, that of the first path counts.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub fn below(folders: &[PathBuf]) -> Result<Self> {
        let mut found = BTreeMap::new();
        for folder in folders.iter().filter(|folder| folder.exists()) {
            let listed = files::list(folder)?;
            let inner = listed.iter().filter(|path| path.is_dir()).map(|path| files::list(path));
            let inner = inner.collect::<Result<Vec<_>>>()?.concat();
            for path in listed.iter().chain(&inner) {
                if path.extension().is_some_and(|ending| ending == "json")
                    && let Ok(bytes) = std::fs::read(path)
                    && let Ok(result) = CellResult::from_json(&bytes)
                    && path.with_extension("safetensors").exists()
                {
                    found.entry(result.cell_hash).or_insert(path.with_extension(""));
                }
            }
        }
        Ok(Self(found))
    }

    /// Copies the files of a cell, if it is there: the artefact and the weights, then the result.
    /// Whether it was.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn copy(&self, cell: &Cell, paths: &CellPaths) -> Result<bool> {
        let Some(stem) = self.0.get(&cell.hash()) else { return Ok(false) };
        let name = stem.file_name().unwrap_or_default().to_string_lossy();
        let from = CellPaths::new(stem.parent().unwrap_or(Path::new("")), &name);
        if from.artefact.exists() {
            files::write(&paths.artefact, &files::read(&from.artefact)?)?;
        }
        files::write(&paths.weights, &files::read(&from.weights)?)?;
        let mut result = CellResult::from_json(&files::read(&from.result)?)
            .with_context(|| format!("{} is no result of this version", from.result.display()))?;
        result.cell = cell.name();
        result.erasure = cell.erasure.clone();
        files::write(&paths.result, &serde_json::to_vec_pretty(&result)?)?;
        log::info!("{}: taken from {}", cell.name(), from.result.display());
        Ok(true)
    }
}
