//! The models of an engine.

use super::Engine;
use crate::messages::{Failure, Reply};
use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::model::weights::{self, Array, Arrays, Metadata};
use unstamp_shared::model::{Arch, Frozen};
use unstamp_shared::self_test::SelfTestAnswers;

/// The fault that the self-test must notice: this much is added to one weight.
const CORRUPTION: f32 = 40.0;

/// A model that predicts.
pub(super) struct LoadedModel {
    pub(super) entry: ModelEntry,
    pub(super) network: Frozen,
    /// The answers to the self-test images that the model file holds.
    pub(super) stored_answers: Option<SelfTestAnswers>,
    /// Predictions of the test images without trigger so far. They do not depend on the trigger,
    /// so the next evaluation uses them again.
    pub(super) clean: RefCell<Vec<u16>>,
}

/// The contents of a model file.
pub(super) struct ModelFile {
    pub(super) arch: Arch,
    pub(super) arrays: Arrays,
    stored_answers: Option<SelfTestAnswers>,
}

fn unusable(entry: &ModelEntry, error: &dyn Display) -> Failure {
    Failure::UnusableModel { file: entry.file.clone(), reason: error.to_string() }
}

impl ModelFile {
    /// Reads the bytes of the file of `entry`.
    pub(super) fn read(entry: &ModelEntry, bytes: &[u8]) -> Result<Self, Failure> {
        let (arrays, metadata) =
            weights::from_bytes::<Metadata>(bytes).map_err(|error| unusable(entry, &error))?;
        let metadata = metadata.unwrap_or_default();
        let arch = Arch {
            normalisation: metadata.normalisation,
            ..Arch::new(&entry.arch, entry.class_names.len())
        };
        Ok(Self { arch, arrays, stored_answers: metadata.probe })
    }

    /// Changes one weight of a convolution in the first half of the network.
    fn corrupt(&mut self) {
        let is_convolution = |array: &&mut Array| array.shape.len() == 4;
        let count = self.arrays.values_mut().filter(is_convolution).count();
        let chosen =
            self.arrays.values_mut().filter(is_convolution).nth(count.saturating_sub(1) / 3);
        if let Some(value) = chosen.and_then(|array| array.values.first_mut()) {
            *value += CORRUPTION;
        }
    }
}

impl Engine {
    /// Loads the model of `entry` from the bytes of its file.
    pub(super) fn load(
        &self,
        id: u32,
        entry: ModelEntry,
        bytes: &[u8],
        corrupt: bool,
    ) -> Result<(), Failure> {
        let mut file = ModelFile::read(&entry, bytes)?;
        if corrupt {
            file.corrupt();
        }
        let network = weights::frozen(&file.arch, &file.arrays, &self.device)
            .map_err(|error| unusable(&entry, &error))?;
        let model = entry.id.clone();
        let loaded = LoadedModel {
            entry,
            network,
            stored_answers: file.stored_answers,
            clean: RefCell::default(),
        };
        self.state.borrow_mut().models.insert(model.clone(), Rc::new(loaded));
        self.reply(&Reply::Loaded { id, model });
        Ok(())
    }

    /// The loaded model with this id.
    pub(super) fn model(&self, model: &str) -> Result<Rc<LoadedModel>, Failure> {
        self.state.borrow().models.get(model).cloned().ok_or(Failure::NotLoaded)
    }
}
