//! Last step of a cell: weights and result on disk.

use super::measure::Measured;
use super::prepare::CellFacts;
use super::train::Trained;
use super::{CellPaths, CellRunner};
use crate::{build_info, files};
use anyhow::{Context, Result};
use unstamp_shared::manifest::ModelRole;
use unstamp_shared::model::weights::{self, Metadata, Precision};
use unstamp_shared::poison::Trigger;
use unstamp_shared::recipe::Cell;
use unstamp_shared::result::{CellResult, SCHEMA};

fn role(cell: &Cell) -> ModelRole {
    match (&cell.erasure, &cell.victim.attack) {
        (Some(erasure), _) => ModelRole::Erased(erasure.id.clone()),
        (None, Some(_)) => ModelRole::Victim,
        (None, None) => ModelRole::Clean,
    }
}

impl CellRunner<'_> {
    /// Whether a result bears the name of this run's recipe.
    pub(super) fn is_labelled(&self, result: &CellResult) -> bool {
        let label = &self.label;
        result.recipe == label.recipe && result.recipe_hash == label.recipe_hash
    }

    /// A finished result under the name of this run's recipe. The cell may have been finished for
    /// another recipe or another version of this one.
    pub(super) fn relabel(&self, mut result: CellResult, paths: &CellPaths) -> Result<CellResult> {
        if !self.is_labelled(&result) {
            result.recipe = self.label.recipe.clone();
            result.recipe_hash = self.label.recipe_hash.clone();
            files::write(&paths.result, &serde_json::to_vec_pretty(&result)?)?;
        }
        Ok(result)
    }

    /// Writes the weights, then the result, and removes the checkpoint.
    pub(super) fn store(
        &self,
        cell: &Cell,
        paths: &CellPaths,
        facts: CellFacts,
        trained: &Trained,
        measured: Measured,
    ) -> Result<CellResult> {
        let model = trained.job.result().context("the job ended without a model")?;
        let metadata = self.metadata(cell, facts.trigger(), &measured);
        files::write(&paths.weights, &weights::to_bytes(model, Precision::F32, &metadata))?;
        let result = self.result(cell, facts, trained, measured);
        files::write(&paths.result, &serde_json::to_vec_pretty(&result)?)?;
        std::fs::remove_file(&paths.checkpoint).ok();
        Ok(result)
    }

    fn result(
        &self,
        cell: &Cell,
        facts: CellFacts,
        trained: &Trained,
        measured: Measured,
    ) -> CellResult {
        CellResult {
            schema: SCHEMA,
            recipe: self.label.recipe.clone(),
            recipe_hash: self.label.recipe_hash.clone(),
            cell: cell.name(),
            cell_hash: cell.hash(),
            seed: cell.seed,
            version: build_info::VERSION.to_string(),
            commit: build_info::commit(),
            device: self.device.name.clone(),
            threads: Some(rayon::current_num_threads()),
            dataset: cell.dataset.clone(),
            image_size: cell.image_size,
            data_note: self.label.data_note.clone(),
            arch: cell.arch.clone(),
            victim: cell.victim.clone(),
            erasure: cell.erasure.clone(),
            data: facts.counts,
            validation: measured.validation,
            artefact: facts.trigger.and_then(|known| known.artefact),
            minutes: (trained.minutes * 100.0).round() / 100.0,
            passes: trained.job.passes(),
            report: measured.report,
            squared_weight_norm: Some(measured.squared_weight_norm),
            der: measured.der,
            attention_distance: measured.attention_distance,
            attention_on_trigger: measured.attention_on_trigger,
            recovered: measured.recovered,
            curve: trained.job.history().to_vec(),
            measurements: trained.job.measurements().to_vec(),
            points: measured.points,
        }
    }

    fn metadata(&self, cell: &Cell, trigger: Option<&Trigger>, measured: &Measured) -> Metadata {
        Metadata {
            arch: cell.arch.clone(),
            dataset: cell.dataset.clone(),
            class_names: self.data.class_names.clone(),
            image_size: cell.image_size,
            normalisation: self.normalisation,
            role: Some(role(cell)),
            trigger: trigger.map(Trigger::record),
            seed: cell.seed,
            recipe_hash: self.label.recipe_hash.clone(),
            version: Some(build_info::VERSION.to_string()),
            commit: build_info::commit(),
            threads: Some(rayon::current_num_threads()),
            squared_weight_norm: Some(measured.squared_weight_norm),
            probe: None,
        }
    }
}
