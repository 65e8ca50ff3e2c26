//! The contents of a checkpoint: the weights of a model, and facts about the model.

use super::pickle::Object;
use super::state_dict::StateDict;
use super::storage::Storages;
use super::{Fault, Origin, state_dict};
use unstamp_shared::model::weights::{Arrays, Metadata};

/// Weights and what the file says about them.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// The weights by name.
    pub arrays: Arrays,
    /// Ours, where the file has some.
    pub metadata: Option<Metadata>,
    /// Facts about the model in the file, where BackdoorBench wrote it.
    pub origin: Origin,
    /// Mean and deviation of the channels, where the network normalises its input itself.
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// Entries among the weights that are no floating-point numbers; they were skipped.
    pub skipped: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint in an unpickled value.
    pub(super) fn new(object: &Object, storages: &Storages) -> Result<Self, Fault> {
        let found = state_dict::find(object)?;
        let read = state_dict::read(&found, storages)?;
        let origin = Origin::new(object, &read.arrays);
        Ok(Self { origin, ..Self::from(read) })
    }
}

impl From<StateDict> for Checkpoint {
    fn from(StateDict { arrays, normalisation, skipped }: StateDict) -> Self {
        Self { arrays, normalisation, skipped, ..Self::default() }
    }
}
