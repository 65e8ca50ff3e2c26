//! First step of a cell: its trigger, its images, and the job that trains or erases.

use super::{CellPaths, CellRunner, CellTrigger, StartingModel};
use crate::artefact::{CraftInput, existing_artefact, make_artefact};
use crate::import::weights_of;
use crate::trigger::build_trigger;
use crate::usage;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use unstamp_shared::datasets::Split;
use unstamp_shared::defences::{DefenceInput, defence};
use unstamp_shared::job::{Job, Phase, Start, TrainStep, Training};
use unstamp_shared::metrics::Report;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Arrays};
use unstamp_shared::objectives::CrossEntropy;
use unstamp_shared::poison::{Trigger, TriggerRecord, clean_subset, poison, select};
use unstamp_shared::recipe::{Cell, Erasure, VictimWeights, WeightsDigest};
use unstamp_shared::rescale::Rescale;
use unstamp_shared::result::Counts;
use unstamp_shared::seed::Seed;

/// A cell that is ready to be trained.
pub(super) struct Prepared {
    /// The job, at its start.
    pub job: Job,
    /// The images to measure the model on.
    pub test: Split,
    /// Facts for the measurements and the result.
    pub facts: CellFacts,
}

/// Facts about a cell that the measurements and the result need.
pub(super) struct CellFacts {
    /// Architecture of the model.
    pub arch: Arch,
    /// The victim's trigger, where it has one.
    pub trigger: Option<CellTrigger>,
    /// Number of images of every kind.
    pub counts: Counts,
    /// Rates of the victim that the cell erases from.
    pub victim: Option<Report>,
}

impl CellFacts {
    /// The victim's trigger, where it has one.
    pub fn trigger(&self) -> Option<&Trigger> {
        self.trigger.as_ref().map(|known| &known.trigger)
    }
}

/// Start weights, phases and training images of a job.
struct Task {
    start: Arrays,
    phases: Vec<Phase>,
    data: Split,
}

/// The first `count` images.
///
/// # Errors
/// The first images do not have all the classes.
fn front(split: &Split, count: Option<usize>, key: &str) -> Result<Split> {
    let front = split.front(count.unwrap_or(usize::MAX));
    let classes = |split: &Split| split.labels.iter().collect::<BTreeSet<_>>().len();
    let kept = classes(&front);
    let all = classes(split);
    ensure!(
        kept == all,
        "{key} = {} keeps {kept} of {all} classes, as the images are sorted by class; leave it out",
        front.len()
    );
    Ok(front)
}

/// Indices of the training images that the attacker poisons, in rising order.
fn poisoned_indices(cell: &Cell, trigger: Option<&Trigger>, train: &Split) -> Result<Vec<usize>> {
    let victim = &cell.victim;
    match (trigger, victim.rate) {
        (Some(trigger), Some(rate)) => {
            select(&train.labels, trigger, rate, victim.rate_of, victim.draw).map_err(usage)
        }
        _ => Ok(Vec::new()),
    }
}

fn image_counts(cell: &Cell, train: &Split, test: &Split, poisoned: usize) -> Counts {
    let is_target = |label: &&u16| usize::from(**label) == cell.victim.target;
    let of_class = train.labels.iter().filter(is_target).count();
    Counts {
        train: train.len(),
        test: test.len(),
        poisoned,
        poisoned_of_class: poisoned as f64 / of_class.max(1) as f64,
        ..Counts::default()
    }
}

/// Multiplies the convolution weights of a victim.
fn rescaling(factor: f32) -> Phase {
    Phase::edit("rescale", Arc::new(Rescale { factor }))
}

impl CellRunner<'_> {
    /// The job of a cell, and what is known of the cell before it runs.
    pub(super) fn prepare(&self, cell: &Cell, folder: &Path) -> Result<Prepared> {
        let train = front(&self.data.train, cell.limits.train, "train_images")?;
        let test = front(&self.data.test, cell.limits.test, "test_images")?;
        let arch = self.arch(cell);
        let trigger = self.trigger(cell, folder)?;
        let planted = trigger.as_ref().map(|known| &known.trigger);
        let poisoned = poisoned_indices(cell, planted, &train)?;
        let mut counts = image_counts(cell, &train, &test, poisoned.len());
        let mut victim = None;
        let task = match &cell.erasure {
            None => match &cell.weights {
                VictimWeights::Trained(training) => {
                    let data = match planted {
                        Some(trigger) => poison(&train, trigger, &poisoned).map_err(usage)?,
                        None => train,
                    };
                    self.training(cell, &arch, training, data)?
                }
                VictimWeights::Given(digest) => self.finished_model(cell, digest, train)?,
            },
            Some(erasure) => {
                let subset = clean_subset(train.len(), cell.clean_share(), Seed(cell.seed));
                let is_poisoned = |i: &&usize| poisoned.binary_search(i).is_ok();
                counts.clean_subset = subset.len();
                counts.overlap = subset.iter().filter(is_poisoned).count();
                let start = self.starting_model(cell, folder)?;
                victim = start.report;
                self.erasing(erasure, start.weights, train.subset(&subset), planted)?
            }
        };
        let mut job = Job::new(
            cell.hash(),
            arch.clone(),
            task.start,
            task.phases,
            Arc::new(task.data),
            Seed(cell.seed),
            self.device.device.clone(),
        )?;
        job.count_predictions_of(planted.map(|trigger| trigger.target));
        counts.validation = job.validation();
        Ok(Prepared { job, test, facts: CellFacts { arch, trigger, counts, victim } })
    }

    /// The trigger of a cell's victim. Its artefact is made with the surrogate, unless it is there.
    fn trigger(&self, cell: &Cell, folder: &Path) -> Result<Option<CellTrigger>> {
        if self.given.trigger.is_some() {
            return Ok(self.given.trigger.clone());
        }
        let victim = &cell.victim;
        let Some(attack) = victim.attack.clone() else { return Ok(None) };
        let record = TriggerRecord {
            attack,
            set: victim.set.clone(),
            target: victim.target,
            seed: cell.seed,
        };
        let plain = build_trigger(&record, self.data, None)?;
        let Some(surrogate) = cell.surrogate_cell() else {
            return Ok(Some(CellTrigger { trigger: plain, artefact: None }));
        };
        let (arrays, _) = weights_of(&CellPaths::new(folder, &surrogate.name()).weights)?;
        let input = CraftInput {
            arch: &self.arch(cell),
            arrays: &arrays,
            data: self.data,
            trigger: &plain,
            device: self.device,
        };
        let path = CellPaths::new(folder, &cell.victim_cell().name()).artefact;
        let made = match existing_artefact(&input, &path)? {
            Some(made) => made,
            None => {
                // Only the victim's own cell may replace an artefact: the victim learned what it has.
                ensure!(
                    cell.erasure.is_none() || !path.exists(),
                    "{} was not made with the surrogate in this folder; take victim and surrogate from one run",
                    path.display()
                );
                make_artefact(&input, &path)?
            }
        };
        let trigger = build_trigger(&record, self.data, Some(&made))?;
        Ok(Some(CellTrigger { trigger, artefact: Some(made.provenance) }))
    }

    /// Training of the victim from random weights.
    fn training(&self, cell: &Cell, arch: &Arch, training: &Training, data: Split) -> Result<Task> {
        let network = arch.init(Seed(cell.seed), &self.device.device).map_err(usage)?;
        let start = pollster::block_on(weights::arrays(&network))?;
        let train_step: Arc<dyn TrainStep> = match cell.victim.robust {
            Some(robust) => Arc::new(robust),
            None => Arc::new(CrossEntropy),
        };
        let train = Phase::train("train", train_step, cell.victim.adapted(training));
        let rescale = cell.victim.rescale.map(|factor| rescaling(factor).from(Start::Phase(0)));
        Ok(Task { start, phases: std::iter::once(train).chain(rescale).collect(), data })
    }

    /// A victim that is a finished model.
    fn finished_model(&self, cell: &Cell, digest: &WeightsDigest, data: Split) -> Result<Task> {
        let models = &self.given.models;
        let digests: Vec<_> = models.iter().map(WeightsDigest::of).collect();
        let found = models.iter().zip(&digests).find(|(_, own)| *own == digest);
        let start = found.map(|(arrays, _)| arrays.clone()).ok_or_else(|| {
            let given: Vec<_> = digests.iter().map(WeightsDigest::to_string).collect();
            usage(format!(
                "victim {} is a finished model; give it with --model FILE. The SHA-256 of its weights is \
                 {digest}; those of the given models are: {}",
                cell.victim.id,
                if given.is_empty() { "none".to_string() } else { given.join(", ") }
            ))
        })?;
        Ok(Task { start, phases: vec![rescaling(cell.victim.rescale.unwrap_or(1.0))], data })
    }

    /// A defence on the clean subset, from the victim's weights.
    fn erasing(
        &self,
        erasure: &Erasure,
        start: Arrays,
        subset: Split,
        trigger: Option<&Trigger>,
    ) -> Result<Task> {
        let defence = defence(&erasure.method).with_context(|| {
            format!("there is no defence '{}'; see unstamp list", erasure.method)
        })?;
        let given = DefenceInput::new(&subset, self.data.info.flip, trigger);
        let phases = defence.phases(&erasure.set, given).map_err(usage)?;
        Ok(Task { start, phases, data: subset })
    }

    /// The victim that a cell erases from: given, or read from the run's folder.
    fn starting_model(&self, cell: &Cell, folder: &Path) -> Result<StartingModel> {
        if let Some(model) = &self.given.victim {
            return Ok(model.clone());
        }
        let victim = cell.victim_cell();
        let paths = CellPaths::new(folder, &victim.name());
        let (weights, _) = weights_of(&paths.weights)?;
        let report = paths.finished(&victim.hash(), false).map(|result| result.report);
        Ok(StartingModel { weights, report })
    }
}
