//! Runs a recipe with the program, for other tests.

use std::path::{Path, PathBuf};
use unstamp_shared::job::Epoch;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};
use unstamp_shared::result::CellResult;
use unstamp_tests::run;
use unstamp_trainer::table;

/// The results of a run of the recipe, and the folder that holds them.
pub struct Ran {
    folder: tempfile::TempDir,
    pub results: Vec<CellResult>,
}

impl Ran {
    pub fn new(recipe: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("recipe.toml");
        std::fs::write(&file, recipe).expect("written");
        let text = |path: &Path| path.to_str().expect("text").to_string();
        let out = folder.path().join("out");
        let (code, _, error) = run(&["run", &text(&file), "--out", &text(&out)]);
        assert_eq!(code, 0, "{error}");
        let results = table::results(&out).expect("results");
        Self { folder, results }
    }

    pub fn cell(&self, name: &str) -> &CellResult {
        self.results.iter().find(|result| result.cell == name).expect(name)
    }

    /// The file of a cell's weights.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(format!("{name}.safetensors"))
    }

    pub fn weights(&self, name: &str) -> Arrays {
        let bytes = std::fs::read(self.path(name)).expect("written");
        from_bytes::<Metadata>(&bytes).expect("a sound file").0
    }
}

/// ACC and ASR of a result, and whether all it measured is finite.
pub fn rates(result: &CellResult) -> (f64, f64) {
    let losses = result.curve.iter().flat_map(|epoch| &epoch.losses).map(|(_, value)| *value);
    let measured = result.measurements.iter().map(|measurement| measurement.value);
    assert!(losses.clone().count() > 0, "{} has no curve", result.cell);
    assert!(losses.chain(measured).all(f64::is_finite), "{}", result.cell);
    (result.report.acc.value, result.report.asr.expect("attacked").value)
}

/// Epochs in which the student learned.
pub fn trained(result: &CellResult) -> impl DoubleEndedIterator<Item = &Epoch> {
    result.curve.iter().filter(|epoch| epoch.trained())
}

/// Every part of the last training's loss fell.
pub fn every_part_fell(result: &CellResult) {
    let last = trained(result).next_back().expect("trained");
    let first = result.curve.iter().find(|e| e.phase == last.phase).expect("trained");
    for ((name, before), (_, after)) in first.losses.iter().zip(&last.losses) {
        assert!(after < before, "{} {name}: {before} -> {after}", result.cell);
    }
}
