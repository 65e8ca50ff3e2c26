//! The files of a cell.

use std::path::{Path, PathBuf};
use unstamp_shared::result::CellResult;

/// Files of a cell.
pub struct CellPaths {
    /// The result, as JSON.
    pub result: PathBuf,
    /// The weights, as safetensors.
    pub weights: PathBuf,
    /// The state of a running job.
    pub checkpoint: PathBuf,
    /// The file that a process locks while it works on the cell.
    pub lock: PathBuf,
    /// The artefact that the attack was made from.
    pub artefact: PathBuf,
}

impl CellPaths {
    /// The files of the cell called `name` in `folder`.
    pub fn new(folder: &Path, name: &str) -> Self {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        Self {
            result: file("json"),
            weights: file("safetensors"),
            checkpoint: file("checkpoint"),
            lock: file("lock"),
            artefact: file("artefact"),
        }
    }

    /// The finished result, if there is one of the cell with this hash. Where `validated` holds, the
    /// result must include the rates on validation images.
    pub fn finished(&self, hash: &str, validated: bool) -> Option<CellResult> {
        let bytes = std::fs::read(&self.result).ok()?;
        let result = CellResult::from_json(&bytes).ok()?;
        let complete = result.validation.is_some() || !validated;
        (result.cell_hash == hash && complete && self.weights.exists()).then_some(result)
    }
}
