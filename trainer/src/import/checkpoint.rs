//! What a checkpoint holds: the weights of a model, and what it says about the model.

use super::pickle::Object;
use super::storage::Storages;
use super::tensor::tensor;
use super::{Fault, Origin};
use unstamp_shared::model::weights::{Arrays, Metadata, is_batch_counter};

/// Weights and what the file says about them.
#[derive(Debug)]
pub struct Checkpoint {
    /// The weights by name.
    pub arrays: Arrays,
    /// Ours, where the file has some.
    pub metadata: Option<Metadata>,
    /// What the file says about its model.
    pub origin: Origin,
}

/// Keys under which a checkpoint may hold its state_dict.
const NESTED: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

impl Checkpoint {
    /// The checkpoint in an unpickled value: a state_dict, or a dictionary with one.
    pub(super) fn new(object: &Object, storages: &Storages) -> Result<Self, Fault> {
        let nested = NESTED.iter().find_map(|key| object.get(key));
        let pairs = nested.as_ref().unwrap_or(object).pairs().ok_or(Fault::NoStateDict)?;
        let arrays = arrays(pairs, storages)?;
        let origin =
            if nested.is_some() { Origin::new(object, &arrays) } else { Origin::default() };
        Ok(Self { arrays, metadata: None, origin })
    }
}

/// The tensors of a state_dict by name, without the counters of batches and DataParallel's prefix.
fn arrays(pairs: Vec<(Object, Object)>, storages: &Storages) -> Result<Arrays, Fault> {
    let mut arrays = Arrays::new();
    for (key, value) in pairs {
        let name = key.text().ok_or(Fault::Nameless)?;
        let name = name.strip_prefix("module.").unwrap_or(&name).to_string();
        if is_batch_counter(&name) {
            continue;
        }
        match tensor(&value, storages) {
            Ok(array) => arrays.insert(name, array),
            Err(source) => return Err(Fault::Tensor { name, source }),
        };
    }
    if arrays.is_empty() {
        return Err(Fault::Empty);
    }
    Ok(arrays)
}
