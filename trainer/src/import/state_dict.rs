//! The weights among everything that a checkpoint holds.

use super::pickle::{Object, PickleError};
use super::storage::Storages;
use super::tensor::tensor;
use super::{Fault, TensorError};
use unstamp_shared::model::weights::{Array, Arrays, is_batch_counter};

/// Keys under which programs store a state_dict, the usual ones first.
const KEYS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "netC",
    "network",
    "net_state_dict",
    "weights",
];

/// Dictionaries inside one another that are searched.
const DEPTH: usize = 3;

/// Prefixes of PyTorch's wrappers: `DataParallel` and `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Names of the buffers of a layer that normalises the input, mean and deviation.
const NORMALISERS: [[&str; 2]; 2] = [["mean", "std"], ["_mean", "_std"]];

/// The weights of a state_dict.
#[derive(Debug)]
pub(super) struct StateDict {
    pub arrays: Arrays,
    /// Mean and deviation of the channels, if the network has a layer that normalises its input.
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// Entries that are no tensors of floating-point numbers, and were passed over.
    pub skipped: Vec<String>,
}

/// The state_dict in an unpickled value: the value itself, or a dictionary in it.
pub(super) fn find(object: &Object) -> Result<Object, Fault> {
    find_within(object, DEPTH)
}

fn find_within(object: &Object, depth: usize) -> Result<Object, Fault> {
    if let Object::Unknown(class) = object {
        return Err(Fault::WholeModel(class.to_string()));
    }
    let pairs = object.pairs().ok_or(Fault::NoStateDict)?;
    let nested = |key: &&str| {
        let inner = object.get(key)?;
        matches!(inner, Object::Dict(_) | Object::Unknown(_)).then_some(inner)
    };
    if let Some(inner) = KEYS.iter().find_map(nested).filter(|_| depth > 0) {
        return find_within(&inner, depth - 1);
    }
    if holds_tensors(object) {
        return Ok(object.clone());
    }
    let others = pairs.iter().filter(|(_, value)| holds_tensors(value));
    let others: Vec<&(Object, Object)> = others.collect();
    match others[..] {
        [(_, only)] => Ok(only.clone()),
        [] => Err(without_tensors(&pairs)),
        _ => {
            let names = others.iter().filter_map(|(key, _)| key.text());
            Err(Fault::SeveralStateDicts(names.collect::<Vec<_>>().join(", ")))
        }
    }
}

/// What is wrong with a dictionary without tensors.
fn without_tensors(pairs: &[(Object, Object)]) -> Fault {
    let unknown = pairs.iter().find_map(|(_, value)| match value {
        Object::Unknown(name) => Some(name.to_string()),
        _ => None,
    });
    match unknown {
        Some(name) => PickleError::Forbidden(name).into(),
        None if pairs.is_empty() => Fault::Empty,
        None => Fault::NoStateDict,
    }
}

fn holds_tensors(object: &Object) -> bool {
    let is_tensor = |value: &Object| matches!(value, Object::Call(name, _, _) if name.starts_with("torch._utils._rebuild"));
    object.pairs().is_some_and(|pairs| pairs.iter().any(|(_, value)| is_tensor(value)))
}

/// Reads the tensors of a state_dict, without the counters of batches and the prefixes that all names share.
pub(super) fn read(object: &Object, storages: &Storages) -> Result<StateDict, Fault> {
    let mut arrays = Arrays::new();
    let mut skipped = Vec::new();
    for (key, value) in object.pairs().ok_or(Fault::NoStateDict)? {
        let name = unwrapped(&key.text().ok_or(Fault::Nameless)?);
        if is_batch_counter(&name) {
            continue;
        }
        match tensor(&value, storages) {
            Ok(_) if arrays.contains_key(&name) => return Err(Fault::Twice(name)),
            Ok(array) => drop(arrays.insert(name, array)),
            Err(TensorError::Other | TensorError::Numbers(_)) => skipped.push(name),
            Err(source) => return Err(Fault::Tensor { name, source }),
        }
    }
    let normalisation = take_normalisation(&mut arrays);
    if arrays.is_empty() {
        return Err(Fault::Empty);
    }
    let arrays = without_shared_prefix(arrays);
    Ok(StateDict { arrays, normalisation, skipped })
}

/// A name without the prefixes of wrappers, in any order.
fn unwrapped(name: &str) -> String {
    let mut rest = name;
    while let Some(shorter) = WRAPPERS.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    rest.to_string()
}

/// Takes the buffers of a layer that normalises the input out of the arrays.
fn take_normalisation(arrays: &mut Arrays) -> Option<[[f32; 3]; 2]> {
    let three = |array: &Array| <[f32; 3]>::try_from(array.values.as_slice()).ok();
    for [mean, std] in NORMALISERS {
        let parent = |name: &String| name.strip_suffix(mean).map(str::to_string);
        let parents = arrays.keys().filter_map(parent);
        let parents = parents.filter(|parent| parent.is_empty() || parent.ends_with('.'));
        for parent in parents.collect::<Vec<_>>() {
            let [mean, std] = [mean, std].map(|name| format!("{parent}{name}"));
            let values = [&mean, &std].map(|name| arrays.get(name).and_then(three));
            if let [Some(mean_values), Some(std_values)] = values {
                arrays.remove(&mean);
                arrays.remove(&std);
                return Some([mean_values, std_values]);
            }
        }
    }
    None
}

/// The arrays without the first parts of their names that all of them share, such as `model.`.
fn without_shared_prefix(mut arrays: Arrays) -> Arrays {
    loop {
        let first = |name: &String| name.split_once('.').map(|(first, _)| format!("{first}."));
        let prefix = arrays.keys().next().and_then(first);
        let shared = prefix.filter(|prefix| arrays.keys().all(|name| name.starts_with(prefix)));
        let Some(shared) = shared else { return arrays };
        let short = |(name, array): (String, Array)| (name[shared.len()..].to_string(), array);
        arrays = arrays.into_iter().map(short).collect();
    }
}
