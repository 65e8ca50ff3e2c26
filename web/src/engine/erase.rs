//! Runs a defence in the page: the trainer's own job, one step at a time.

use super::Engine;
use super::model::ModelFile;
use crate::messages::{DefenceName, ErasureProgress, Failure, Reply};
use std::fmt::Display;
use std::sync::Arc;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::defences::{DEFENCES, DefenceInput, defence};
use unstamp_shared::job::{Event, Job, last_training};
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::method::Values;
use unstamp_shared::model::weights::{self, Arrays, Metadata, Precision};
use unstamp_shared::poison::{CLEAN_SHARE, clean_subset, sign_trigger};
use unstamp_shared::seed::Seed;

/// Id and title of every defence.
pub(super) fn defences() -> Vec<DefenceName> {
    let methods = DEFENCES.iter().map(|defence| defence.method());
    methods.map(|m| DefenceName { id: m.id.to_string(), title: m.title.to_string() }).collect()
}

/// The clean subset, as the trainer chooses it. The other training images are not generated.
fn clean_images(seed: Seed) -> Split {
    signs::split(Seed(0), SplitName::Train, clean_subset(signs::TRAIN, CLEAN_SHARE, seed))
}

fn erasure_failure(error: impl Display) -> Failure {
    Failure::Erasure { reason: error.to_string() }
}

/// A job, and the phase of it that trains the student.
struct Erasure {
    job: Job,
    last: Option<&'static str>,
}

impl Engine {
    /// Runs a defence on the weights of a model. Replies after every step, and with the student's
    /// weights after every epoch of the last training phase. A newer request ends it.
    pub(super) async fn erase(
        &self,
        id: u32,
        entry: &ModelEntry,
        defence: &str,
        set: &Values,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let Erasure { mut job, last } = self.erasure(entry, defence, set, bytes)?;
        let mut progress = ErasureProgress::default();
        while let Some(event) = job.next().await.map_err(erasure_failure)? {
            (progress.done, progress.total) = job.progress();
            let mut student = None;
            match event {
                Event::Step { phase, epoch, loss, .. } => {
                    progress.phase = phase.to_string();
                    progress.epoch = epoch;
                    progress.loss = loss;
                }
                Event::Epoch(epoch) => {
                    progress.losses = epoch.losses;
                    if Some(epoch.phase.as_str()) == last {
                        let model = job.so_far().await.map_err(erasure_failure)?;
                        student = model.map(|(_, weights)| weights);
                    }
                }
                Event::Phase { .. } => {}
            }
            self.report_progress(id, entry, &progress, student);
            self.pause().await;
            if self.state.borrow().newest.erasure != id {
                return Ok(());
            }
        }
        progress.finished = true;
        let student = job.result().cloned();
        self.report_progress(id, entry, &progress, student);
        Ok(())
    }

    fn erasure(
        &self,
        entry: &ModelEntry,
        id: &str,
        set: &Values,
        bytes: &[u8],
    ) -> Result<Erasure, Failure> {
        let file = ModelFile::read(entry, bytes)?;
        let defence =
            defence(id).ok_or_else(|| Failure::UnknownDefence { defence: id.to_string() })?;
        let trigger = entry.trigger.as_ref().map(|t| sign_trigger(t, file.arch.classes));
        let trigger =
            trigger.transpose().map_err(|error| Failure::Trigger { reason: error.to_string() })?;
        let seed = Seed(0);
        let data = Arc::new(clean_images(seed));
        let given = DefenceInput::new(&data, false, trigger.as_ref());
        let phases = defence
            .phases(set, given)
            .map_err(|error| Failure::Settings { reason: error.to_string() })?;
        let last = last_training(&phases).map(|phase| phase.name);
        let device = self.device.clone();
        let job = Job::new(String::new(), file.arch, file.arrays, phases, data, seed, device);
        Ok(Erasure { job: job.map_err(erasure_failure)?, last })
    }

    fn report_progress(
        &self,
        id: u32,
        entry: &ModelEntry,
        progress: &ErasureProgress,
        student: Option<Arrays>,
    ) {
        let metadata = Metadata {
            arch: entry.arch.clone(),
            dataset: entry.dataset.clone(),
            class_names: entry.class_names.clone(),
            role: Some(ModelRole::Own),
            trigger: entry.trigger.clone(),
            ..Metadata::default()
        };
        let bytes = student.map(|arrays| weights::to_bytes(&arrays, Precision::F32, &metadata));
        let reply =
            Reply::Erasing { id, model: entry.id.clone(), progress: Box::new(progress.clone()) };
        self.reply_with(&reply, &bytes.unwrap_or_default());
    }
}
