//! Running one cell in four steps: prepare a job, train it, measure the model, store the result.

mod checkpoints;
mod lock;
mod measure;
mod paths;
mod prepare;
mod reuse;
mod store;
mod train;

pub use checkpoints::{AbortAfter, AbortAfterError, Checkpoints};
pub use paths::CellPaths;
pub use reuse::FinishedCells;

use crate::data::Dataset;
use crate::device::ChosenDevice;
use crate::event_log::EventLog;
use crate::measure::Tests;
use anyhow::Result;
use lock::CellLock;
use prepare::Prepared;
use std::path::Path;
use unstamp_shared::craft::Provenance;
use unstamp_shared::datasets::Split;
use unstamp_shared::metrics::Report;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::poison::Trigger;
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::result::CellResult;
use unstamp_shared::seed::Seed;

/// Test images on which the model is evaluated after every epoch.
const EVALUATION_SAMPLE: usize = 1000;

/// Runs cells. It holds what all cells of a run share.
pub struct CellRunner<'a> {
    /// Names that stand in every result of the run.
    pub label: RunLabel,
    /// The data set, without the images kept for validation.
    pub data: &'a Dataset,
    /// Where to compute.
    pub device: &'a ChosenDevice,
    /// Images to choose settings by ([`Recipe::validation_images`]); no cell trains on them.
    pub validation: Option<Split>,
    /// Mean and deviation of the input that an imported model expects.
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// Values that replace those in the run's folder.
    pub given: LoadedInputs,
    /// Evaluate the model after every epoch.
    pub curves: bool,
    /// When checkpoints are written.
    pub checkpoints: Checkpoints,
    /// Where epochs and results are logged.
    pub log: EventLog,
}

/// Names that stand in a result but do not decide it.
#[derive(Clone, Debug)]
pub struct RunLabel {
    /// Name of the recipe.
    pub recipe: String,
    /// Hash of the recipe.
    pub recipe_hash: String,
    /// Remark about the data, such as "JPEG copy".
    pub data_note: String,
}

impl From<&Recipe> for RunLabel {
    fn from(recipe: &Recipe) -> Self {
        Self {
            recipe: recipe.name.clone(),
            recipe_hash: recipe.hash(),
            data_note: recipe.data_note.clone(),
        }
    }
}

impl From<&Cell> for RunLabel {
    /// The label of a cell that belongs to no recipe.
    fn from(cell: &Cell) -> Self {
        Self { recipe: "command".to_string(), recipe_hash: cell.hash(), data_note: String::new() }
    }
}

/// Values that a runner would otherwise make from the cell or read from the run's folder.
#[derive(Default)]
pub struct LoadedInputs {
    /// The trigger of the victim.
    pub trigger: Option<CellTrigger>,
    /// The victim, for a cell that erases.
    pub victim: Option<StartingModel>,
    /// Finished models that recipes name by the digest of their weights.
    pub models: Vec<Arrays>,
    /// Cells that were finished for other recipes.
    pub finished: FinishedCells,
}

/// The trigger of a cell's victim.
#[derive(Clone)]
pub struct CellTrigger {
    /// The trigger.
    pub trigger: Trigger,
    /// Provenance of the artefact that the trigger was made from.
    pub artefact: Option<Provenance>,
}

/// The model that a defence starts from.
#[derive(Clone)]
pub struct StartingModel {
    /// Its weights.
    pub weights: Arrays,
    /// Its rates on the test images, where they are known.
    pub report: Option<Report>,
}

impl CellRunner<'_> {
    /// Runs a cell, unless its result is there. Waits while another process works on it. A cell that
    /// erases needs its victim: given, or finished in the same folder.
    ///
    /// # Errors
    /// The cell does not fit the data, its victim is missing, the training diverges, or a file
    /// cannot be written.
    pub fn run(&self, cell: &Cell, folder: &Path) -> Result<CellResult> {
        let paths = CellPaths::new(folder, &cell.name());
        if let Some(result) = self.complete(cell, &paths) {
            return Ok(result);
        }
        let lock = CellLock::when_free(&paths, &cell.name())?;
        self.run_locked(cell, folder, &paths, &lock)
    }

    /// Like [`CellRunner::run`]; `None` while another process works on the cell.
    ///
    /// # Errors
    /// Those of [`CellRunner::run`].
    pub fn run_if_free(&self, cell: &Cell, folder: &Path) -> Result<Option<CellResult>> {
        let paths = CellPaths::new(folder, &cell.name());
        if let Some(result) = self.complete(cell, &paths) {
            return Ok(Some(result));
        }
        let lock = CellLock::if_free(&paths)?;
        lock.map(|lock| self.run_locked(cell, folder, &paths, &lock)).transpose()
    }

    fn finished(&self, cell: &Cell, paths: &CellPaths) -> Option<CellResult> {
        paths.finished(&cell.hash(), self.validation.is_some())
    }

    /// The result of a cell for which nothing has to be written, not even a lock.
    fn complete(&self, cell: &Cell, paths: &CellPaths) -> Option<CellResult> {
        self.finished(cell, paths).filter(|result| self.is_labelled(result))
    }

    fn run_locked(
        &self,
        cell: &Cell,
        folder: &Path,
        paths: &CellPaths,
        _lock: &CellLock,
    ) -> Result<CellResult> {
        let mut finished = self.finished(cell, paths);
        if finished.is_none() && self.given.finished.copy(cell, paths)? {
            finished = self.finished(cell, paths);
        }
        if let Some(result) = finished {
            log::debug!("{}: finished already", cell.name());
            return self.relabel(result, paths);
        }
        let result = self.compute(cell, folder, paths)?;
        self.log.result(&result)?;
        Ok(result)
    }

    fn compute(&self, cell: &Cell, folder: &Path, paths: &CellPaths) -> Result<CellResult> {
        let Prepared { job, test, facts } = self.prepare(cell, folder)?;
        let tests = Tests::new(test, facts.trigger());
        let sample = tests.spread(EVALUATION_SAMPLE);
        let trained = self.train(job, &sample, paths, &cell.name())?;
        let measured = self.measure(&trained.job, &facts, &tests, &sample, Seed(cell.seed))?;
        self.store(cell, paths, facts, &trained, measured)
    }

    fn arch(&self, cell: &Cell) -> Arch {
        Arch {
            normalisation: self.normalisation,
            ..Arch::new(&cell.arch, self.data.class_names.len())
        }
    }
}
