//! Erasing a backdoor in the page: the trainer's own job, one step at a time.

use super::{Engine, read};
use crate::messages::{Erasing, Reply};
use std::sync::Arc;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::defences::{DEFENCES, Given, defence, phases};
use unstamp_shared::job::{Event, Job, last_training};
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::Values;
use unstamp_shared::model::weights::{self, Arrays, Metadata, Precision};
use unstamp_shared::poison::{clean_subset, sign_trigger};
use unstamp_shared::seed::Seed;

/// Share of the training images that the defender holds: the papers' 5 %.
const SHARE: f64 = 0.05;

/// Id and title of every defence.
pub(super) fn defences() -> Vec<(String, String)> {
    let methods = DEFENCES.iter().map(|d| d.method());
    methods.map(|m| (m.id.to_string(), m.title.to_string())).collect()
}

/// The clean subset, drawn as the trainer draws it; the whole training set is never made.
fn held(seed: Seed) -> Split {
    signs::split(Seed(0), SplitName::Train, clean_subset(signs::TRAIN, SHARE, seed))
}

impl Engine {
    /// Runs a defence on a model's weights. Tells every step, and gives the student's weights after
    /// every epoch that changes the victim; a newer request, or one to stop, ends it.
    pub(super) async fn erase(
        &self,
        id: u32,
        entry: &ModelEntry,
        method: &str,
        set: &Values,
        bytes: &[u8],
    ) -> Result<(), String> {
        let (arch, victim, _) = read(entry, bytes)?;
        let defence = defence(method).ok_or_else(|| format!("There is no defence {method}."))?;
        let values = set.resolve(&defence.params())?;
        let (data, seed) = (Arc::new(held(Seed(0))), Seed(0));
        let trigger = entry.trigger.as_ref().map(|t| sign_trigger(t, arch.classes)).transpose()?;
        let (images, trigger) = (data.len(), trigger.as_ref());
        let phases = phases(defence, Given { values: &values, images, flip: false, trigger });
        let last = last_training(&phases).map(|phase| phase.name);
        let job = Job::new(String::new(), arch, victim, phases, data, seed, self.device.clone());
        let mut job = job.map_err(|e| format!("{e}."))?;
        let mut told = Erasing::default();
        while let Some(event) = job.next().await.map_err(|e| format!("{e}."))? {
            (told.done, told.total) = job.progress();
            let mut shown = None;
            match event {
                Event::Step { phase, epoch, loss, .. } => {
                    (told.phase, told.epoch, told.loss) = (phase.to_string(), epoch, loss);
                }
                Event::Epoch(epoch) => {
                    told.losses = epoch.losses;
                    if Some(epoch.phase.as_str()) == last {
                        let model = job.so_far().await.map_err(|e| format!("{e}."))?;
                        shown = model.map(|(_, weights)| weights);
                    }
                }
                Event::Phase { .. } => {}
            }
            self.tell(id, entry, &told, shown);
            self.let_others_in().await;
            if self.state.borrow().newest_erasure != id {
                return Ok(());
            }
        }
        told.finished = true;
        let result = job.result().cloned();
        self.tell(id, entry, &told, result);
        Ok(())
    }

    fn tell(&self, id: u32, entry: &ModelEntry, erasing: &Erasing, weights: Option<Arrays>) {
        let metadata = Metadata {
            arch: entry.arch.clone(),
            dataset: entry.dataset.clone(),
            class_names: entry.class_names.clone(),
            role: "own".into(),
            trigger: entry.trigger.clone(),
            ..Metadata::default()
        };
        let bytes = weights.map(|arrays| weights::to_bytes(&arrays, Precision::F32, &metadata));
        let (model, erasing) = (entry.id.clone(), Box::new(erasing.clone()));
        self.reply_with(&Reply::Erasing { id, model, erasing }, &bytes.unwrap_or_default());
    }
}
