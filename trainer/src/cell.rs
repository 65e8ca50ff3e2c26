//! Running one cell: train a model or erase a backdoor, measure it, leave weights and a result.

use crate::data::Dataset;
use crate::device::Chosen;
use crate::drive::{EpochEvaluation, drive};
use crate::files;
use crate::measure::{Tests, distance, on_trigger};
use crate::recovered::recovery;
use crate::trigger;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use unstamp_shared::craft::Provenance;
use unstamp_shared::datasets::Split;
use unstamp_shared::defences::{Given, defence, phases};
use unstamp_shared::job::{Job, Phase, Rates, TrainStep};
use unstamp_shared::metrics::{Report, der};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Arrays, Metadata, Precision};
use unstamp_shared::objectives::CrossEntropy;
use unstamp_shared::poison::{Trigger, TriggerRecord, clean_subset, poison, select};
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::result::{CellResult, Counts, SCHEMA};
use unstamp_shared::seed::Seed;

/// Test images looked at after every epoch.
const EVALUATION_SAMPLE: usize = 1000;

/// What every cell of a run shares.
pub struct Bench<'a> {
    pub recipe: &'a Recipe,
    pub data: &'a Dataset,
    pub device: &'a Chosen,
    /// The images settings are chosen on ([`Recipe::validation_images`]); no cell sees them.
    pub validation: Option<Split>,
    /// What an imported model expects of its input.
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// The victim's trigger and what it was made from, where they do not follow from the recipe.
    pub given: Option<(Trigger, Option<Provenance>)>,
    /// Time between checkpoints; when one is written does not change the outcome.
    pub checkpoint: Duration,
}

/// Files of a cell.
pub struct Place {
    pub result: PathBuf,
    pub weights: PathBuf,
    pub checkpoint: PathBuf,
    /// What its attack was made from.
    pub artefact: PathBuf,
}

impl Place {
    pub fn new(folder: &Path, name: &str) -> Self {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        Self {
            result: file("json"),
            weights: file("safetensors"),
            checkpoint: file("checkpoint"),
            artefact: file("artefact"),
        }
    }

    /// The finished result, where there is one of just this cell, measured on validation images if
    /// there are any.
    pub fn finished(&self, hash: &str, validated: bool) -> Option<CellResult> {
        let result = CellResult::from_json(&std::fs::read(&self.result).ok()?).ok()?;
        let measured = result.validation.is_some() || !validated;
        (result.cell_hash == hash && measured && self.weights.exists()).then_some(result)
    }
}

/// The first `count` images, if none of the classes is lost by that.
fn front(split: &Split, count: Option<usize>, key: &str) -> Result<Split> {
    let front = split.front(count.unwrap_or(usize::MAX));
    let classes = |split: &Split| split.labels.iter().collect::<BTreeSet<_>>().len();
    let (kept, all) = (classes(&front), classes(split));
    ensure!(
        kept == all,
        "{key} = {} keeps {kept} of {all} classes, as the images are sorted by class; leave it out",
        front.len()
    );
    Ok(front)
}

impl Bench<'_> {
    fn arch(&self) -> Arch {
        let (name, classes) = (self.recipe.arch.clone(), self.data.class_names.len());
        Arch { name, classes, normalisation: self.normalisation }
    }

    /// The trigger of a cell's victim, and what it was made from.
    pub fn trigger(
        &self,
        cell: &Cell,
        folder: &Path,
    ) -> Result<Option<(Trigger, Option<Provenance>)>> {
        if self.given.is_some() {
            return Ok(self.given.clone());
        }
        let victim = &cell.victim;
        let Some(attack) = victim.attack.clone() else { return Ok(None) };
        let (set, target, seed) = (victim.set.clone(), victim.target, cell.seed);
        let record = TriggerRecord { attack, set, target, seed };
        let plain = trigger::trigger(&record, self.data, None)?;
        let Some(surrogate) = self.recipe.surrogate(cell) else { return Ok(Some((plain, None))) };
        let place = |cell: &Cell| Place::new(folder, &cell.name());
        let (arrays, _) = crate::import::weights_of(&place(&surrogate).weights)?;
        let path = place(&Cell { erasure: None, ..cell.clone() }).artefact;
        let (arch, data, device) = (self.arch(), self.data, self.device);
        let made = trigger::make_artefact(&arch, &arrays, data, &plain, device, &path, true)?;
        let trigger = trigger::trigger(&record, data, Some(&made))?;
        Ok(Some((trigger, Some(made.provenance))))
    }

    /// Runs a cell unless its result is there; a victim's weights are needed to erase from it.
    pub fn run(
        &self,
        cell: &Cell,
        folder: &Path,
        victim: Option<&CellResult>,
    ) -> Result<CellResult> {
        let (place, hash) = (Place::new(folder, &cell.name()), self.recipe.cell_hash(cell));
        if let Some(mut result) = place.finished(&hash, self.validation.is_some()) {
            // The same cell, perhaps of another recipe.
            let (name, recipe_hash) = (&self.recipe.name, self.recipe.hash());
            if result.recipe != *name {
                (result.recipe, result.recipe_hash) = (name.clone(), recipe_hash);
                files::write(&place.result, &serde_json::to_vec_pretty(&result)?)?;
            }
            return Ok(result);
        }
        let seed = Seed(cell.seed);
        let (trigger, artefact) = self.trigger(cell, folder)?.unzip();
        let artefact = artefact.flatten();
        let train = front(&self.data.train, self.recipe.train_images, "train_images")?;
        let test = front(&self.data.test, self.recipe.test_images, "test_images")?;
        let chosen = match (&trigger, cell.victim.rate) {
            (Some(t), Some(rate)) => {
                select(&train.labels, t, rate, cell.victim.rate_of, cell.victim.draw)
                    .map_err(crate::usage)?
            }
            _ => Vec::new(),
        };
        let of_class =
            train.labels.iter().filter(|l| usize::from(**l) == cell.victim.target).count();
        let mut counts = Counts {
            train: train.len(),
            test: test.len(),
            poisoned: chosen.len(),
            poisoned_of_class: chosen.len() as f64 / of_class.max(1) as f64,
            ..Counts::default()
        };
        let arch = self.arch();
        let (start, phases, data) = match &cell.erasure {
            None => {
                let data = match &trigger {
                    Some(trigger) => poison(&train, trigger, &chosen).map_err(crate::usage)?,
                    None => train.clone(),
                };
                let init = arch.init(seed, &self.device.device).map_err(crate::usage)?;
                let mut training = self.recipe.train.clone();
                training.augment = cell.victim.augment.unwrap_or(training.augment);
                training.epochs = cell.victim.epochs.unwrap_or(training.epochs);
                let train_step: Arc<dyn TrainStep> = match cell.victim.robust {
                    Some(robust) => Arc::new(robust),
                    None => Arc::new(CrossEntropy),
                };
                let phase = Phase::train("train", train_step, training);
                (pollster::block_on(weights::arrays(&init))?, vec![phase], data)
            }
            Some(erasure) => {
                let subset = clean_subset(train.len(), self.recipe.clean_share(cell), seed);
                counts.clean_subset = subset.len();
                counts.overlap = subset.iter().filter(|i| chosen.binary_search(i).is_ok()).count();
                let mut name = cell.clone();
                name.erasure = None;
                let from = Place::new(folder, &name.name()).weights;
                let (arrays, _) = crate::import::weights_of(&from)?;
                let defence =
                    defence(&erasure.method).context("a checked recipe names a defence")?;
                let given = Given {
                    values: &erasure.set,
                    images: subset.len(),
                    flip: self.data.info.flip,
                    trigger: trigger.as_ref(),
                };
                (arrays, phases(defence, given), train.subset(&subset))
            }
        };
        let device = self.device.device.clone();
        let mut job =
            Job::new(hash.clone(), arch.clone(), start, phases, Arc::new(data), seed, device)?;
        job.count_predictions_of(trigger.as_ref().map(|t| t.target));
        counts.validation = job.validation();
        let tests = Tests::new(test, trigger.as_ref());
        let some = tests.spread(EVALUATION_SAMPLE);
        let rates = |tests: &Tests, arch: &Arch, weights: &Arrays| {
            let (report, _) = tests.measure(arch, weights, self.device)?;
            Ok(Rates::from(&report))
        };
        let evaluate = |arch: &Arch, weights: &Arrays| rates(&some, arch, weights);
        let curve = (!self.recipe.skip_curves).then_some(&evaluate as EpochEvaluation);
        let minutes = drive(&mut job, &place.checkpoint, self.checkpoint, &cell.name(), curve)?;
        let points = pollster::block_on(job.points())?.into_iter();
        let points = points
            .map(|(at, weights)| Ok((at, evaluate(&arch, &weights)?)))
            .collect::<Result<_>>()?;
        let result = job.result().context("the job ended without a model")?;
        let (report, _) = tests.measure(&arch, result, self.device)?;
        let validation = self
            .validation
            .as_ref()
            .map(|split| rates(&Tests::new(split.clone(), trigger.as_ref()), &arch, result));
        let test = tests.clean();
        let distance = job
            .teacher()
            .map(|(its, teacher)| distance((&its, teacher), (&arch, result), test, self.device))
            .transpose()?;
        let attention_on_trigger = match &trigger {
            Some(trigger) => on_trigger(&arch, result, test, trigger, self.device)?,
            None => Vec::new(),
        };
        let recovered = recovery(job.outputs(), &arch, test, trigger.as_ref(), seed, self.device)?;
        let pair = |r: &Report| r.asr.map(|asr| (r.acc.value, asr.value));
        let der = victim.and_then(|v| pair(&v.report)).zip(pair(&report)).map(|(v, d)| der(v, d));
        let metadata = self.metadata(cell, trigger.as_ref());
        files::write(&place.weights, &weights::to_bytes(result, Precision::F32, &metadata))?;
        let result = CellResult {
            schema: SCHEMA,
            recipe: self.recipe.name.clone(),
            recipe_hash: self.recipe.hash(),
            cell: cell.name(),
            cell_hash: hash,
            seed: cell.seed,
            version: env!("CARGO_PKG_VERSION").to_string(),
            device: self.device.name.clone(),
            dataset: self.recipe.dataset.clone(),
            data_note: self.recipe.data_note.clone(),
            arch: self.recipe.arch.clone(),
            victim: cell.victim.clone(),
            erasure: cell.erasure.clone(),
            data: counts,
            validation: validation.transpose()?,
            artefact,
            minutes: (minutes * 100.0).round() / 100.0,
            passes: job.passes(),
            report,
            der,
            attention_distance: distance,
            attention_on_trigger,
            recovered,
            curve: job.history().to_vec(),
            measurements: job.measurements().to_vec(),
            points,
        };
        files::write(&place.result, &serde_json::to_vec_pretty(&result)?)?;
        std::fs::remove_file(&place.checkpoint).ok();
        Ok(result)
    }

    fn metadata(&self, cell: &Cell, trigger: Option<&Trigger>) -> Metadata {
        let role = match (&cell.erasure, &cell.victim.attack) {
            (Some(erasure), _) => erasure.id.clone(),
            (None, Some(_)) => "victim".to_string(),
            (None, None) => "clean".to_string(),
        };
        Metadata {
            arch: self.recipe.arch.clone(),
            dataset: self.recipe.dataset.clone(),
            class_names: self.data.class_names.clone(),
            normalisation: self.normalisation,
            role,
            trigger: trigger.map(Trigger::record),
            seed: cell.seed,
            recipe_hash: self.recipe.hash(),
            probe: None,
        }
    }
}

/// The architecture that metadata name, checked against the data's classes.
pub fn arch_of(metadata: Option<&Metadata>, arch: Option<&str>, classes: usize) -> Result<Arch> {
    let name = arch.or(metadata.map(|m| m.arch.as_str())).unwrap_or("wrn-16-1").to_string();
    if let Some(m) = metadata.filter(|m| !m.class_names.is_empty()) {
        ensure!(
            m.class_names.len() == classes,
            "the model has {} classes, the data {classes}",
            m.class_names.len()
        );
    }
    let normalisation = metadata.and_then(|m| m.normalisation);
    let arch = Arch { name, classes, normalisation };
    arch.config().map_err(crate::usage)?;
    Ok(arch)
}
