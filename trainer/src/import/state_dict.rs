//! The weights among everything that a checkpoint holds.

use super::pickle::Object;
use super::storage::Storages;
use super::tensor::{tensor, weight_count};
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

/// How many numbers a state_dict may have for each byte that is stored. Tensors may share a storage.
const SHARED: usize = 2;

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
    /// Entries that are no tensors of floating-point numbers, and were skipped.
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
    if depth > 0 {
        let usual = KEYS.iter().filter_map(|key| Some((key.to_string(), object.get(key)?)));
        if let Some(found) = only(usual, depth - 1)? {
            return Ok(found);
        }
    }
    if holds_weights(object) {
        return Ok(object.clone());
    }
    let named = pairs.iter().filter_map(|(key, value)| Some((key.text()?, value.clone())));
    let nested = named.filter(|(_, value)| holds_weights(value));
    only(nested, 0)?.ok_or_else(|| without_weights(object, &pairs))
}

/// The one state_dict under these keys, if there is one.
///
/// # Errors
/// There are several.
fn only(
    candidates: impl Iterator<Item = (String, Object)>,
    depth: usize,
) -> Result<Option<Object>, Fault> {
    let found = candidates.filter_map(|(key, value)| Some((key, find_within(&value, depth).ok()?)));
    let mut found: Vec<(String, Object)> = found.collect();
    if found.len() > 1 {
        let keys: Vec<String> = found.into_iter().map(|(key, _)| key).collect();
        return Err(Fault::SeveralStateDicts(keys.join(", ")));
    }
    Ok(found.pop().map(|(_, value)| value))
}

/// The fault of a dictionary without weights.
fn without_weights(object: &Object, pairs: &[(Object, Object)]) -> Fault {
    let unknown = |value: &Object| match value {
        Object::Unknown(name) => Some(name.to_string()),
        _ => None,
    };
    if let Some(class) = KEYS.iter().find_map(|key| unknown(&object.get(key)?)) {
        return Fault::WholeModel(class);
    }
    match pairs.iter().find_map(|(_, value)| unknown(value)) {
        Some(name) => Fault::Forbidden(name),
        None if pairs.is_empty() => Fault::Empty,
        None => Fault::NoStateDict,
    }
}

fn holds_weights(object: &Object) -> bool {
    let Object::Dict(pairs) = object else { return false };
    pairs.borrow().iter().any(|(_, value)| weight_count(value) > 0)
}

/// Reads the tensors of a state_dict, without the counters of batches and the prefix that all names share.
pub(super) fn read(object: &Object, storages: &Storages) -> Result<StateDict, Fault> {
    let pairs = object.pairs().ok_or(Fault::NoStateDict)?;
    let stored: usize = storages.values().map(Vec::len).sum();
    let weights = pairs.iter().map(|(_, value)| weight_count(value));
    if weights.fold(0, usize::saturating_add) > stored.saturating_mul(SHARED) {
        return Err(Fault::TooLarge);
    }
    let mut arrays = Arrays::new();
    let mut skipped = Vec::new();
    for (key, value) in pairs {
        let name = unwrapped(&key.text().ok_or(Fault::Nameless)?);
        if is_batch_counter(&name) {
            continue;
        }
        match tensor(&value, storages) {
            Ok(array) => insert_once(&mut arrays, name, array)?,
            Err(TensorError::Other | TensorError::Numbers(_)) => skipped.push(name),
            Err(source) => return Err(Fault::Tensor { name, source }),
        }
    }
    finish(arrays, skipped)
}

/// The weights of a foreign safetensors file, whose arrays have the names of a state_dict.
pub(super) fn from_arrays(named: Arrays) -> Result<StateDict, Fault> {
    let mut arrays = Arrays::new();
    for (name, array) in named {
        insert_once(&mut arrays, unwrapped(&name), array)?;
    }
    finish(arrays, Vec::new())
}

fn insert_once(arrays: &mut Arrays, name: String, array: Array) -> Result<(), Fault> {
    if arrays.contains_key(&name) {
        return Err(Fault::Twice(name));
    }
    arrays.insert(name, array);
    Ok(())
}

/// Takes the normalisation and the prefix that all names share away.
fn finish(mut arrays: Arrays, skipped: Vec<String>) -> Result<StateDict, Fault> {
    let normalisation = take_normalisation(&mut arrays)?;
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

/// Takes the buffers of a first layer that normalises the input out of the arrays.
///
/// # Errors
/// They are no mean and deviation of images in 0..1.
fn take_normalisation(arrays: &mut Arrays) -> Result<Option<[[f32; 3]; 2]>, Fault> {
    for names in NORMALISERS {
        let Some(layer) = arrays.keys().find_map(|name| layer(name, names[0])) else { continue };
        let names = names.map(|name| format!("{layer}{name}"));
        let three = |array: &Array| <[f32; 3]>::try_from(array.values.as_slice()).ok();
        let [Some(mean), Some(std)] = names.each_ref().map(|name| arrays.get(name).and_then(three))
        else {
            continue;
        };
        let sound = mean.iter().all(|v| (0.0..=1.0).contains(v));
        let sound = sound && std.iter().all(|v| v.is_finite() && *v > 0.0);
        if !sound {
            return Err(Fault::Normaliser);
        }
        for name in names {
            arrays.remove(&name);
        }
        return Ok(Some([mean, std]));
    }
    Ok(None)
}

/// The name, with its dot, of the outermost layer whose buffer this is; empty for the network itself.
fn layer(name: &str, buffer: &str) -> Option<String> {
    let layer = name.strip_suffix(buffer)?;
    let is_outermost = layer.is_empty() || layer.find('.') == Some(layer.len() - 1);
    is_outermost.then(|| layer.to_string())
}

/// The arrays without the beginning of their names that all of them share, such as `model.`. A layer keeps
/// its own name.
fn without_shared_prefix(arrays: Arrays) -> Arrays {
    let mut names = arrays.keys();
    let first = names.next().map_or("", String::as_str);
    let mut shared = up_to_dot(first);
    for name in names {
        let same = shared.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        // A dot is one byte in UTF-8, so this cuts no letter.
        let end = shared.as_bytes()[..same].iter().rposition(|byte| *byte == b'.');
        shared = &shared[..end.map_or(0, |dot| dot + 1)];
    }
    let names_a_layer = |name: &String| name[shared.len()..].contains('.');
    if !arrays.keys().all(names_a_layer) {
        shared = up_to_dot(shared.trim_end_matches('.'));
    }
    let length = shared.len();
    let short = |(name, array): (String, Array)| (name[length..].to_string(), array);
    arrays.into_iter().map(short).collect()
}

/// A name up to its last dot.
fn up_to_dot(name: &str) -> &str {
    &name[..name.rfind('.').map_or(0, |dot| dot + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays(names: &[&str], values: &[f32]) -> Arrays {
        let array = Array { shape: vec![values.len()], values: values.to_vec() };
        names.iter().map(|name| (name.to_string(), array.clone())).collect()
    }

    fn shortened(names: &[&str]) -> Vec<String> {
        let mut names: Vec<String> =
            without_shared_prefix(arrays(names, &[0.0])).into_keys().collect();
        names.sort();
        names
    }

    #[test]
    fn a_prefix_goes_only_if_all_names_have_it() {
        assert_eq!(shortened(&["model.fc.bias", "model.bn1.bias"]), ["bn1.bias", "fc.bias"]);
        assert_eq!(shortened(&["a.b.fc.bias", "a.b.bn1.bias"]), ["bn1.bias", "fc.bias"]);
        assert_eq!(shortened(&["model.fc.bias", "bn1.bias"]), ["bn1.bias", "model.fc.bias"]);
        assert_eq!(shortened(&["layer1.a.w", "layer2.a.w"]), ["layer1.a.w", "layer2.a.w"]);
        assert_eq!(shortened(&["fc.weight", "fc.bias"]), ["fc.bias", "fc.weight"]);
        assert_eq!(shortened(&["net.fc.weight", "net.fc.bias"]), ["fc.bias", "fc.weight"]);
        let dots = ".".repeat(1_000_000);
        assert_eq!(shortened(&[&dots]).len(), 1);
    }

    #[test]
    fn a_normalising_layer_must_fit_images() {
        let normalised = |mean: &[f32], std: &[f32]| {
            let mut all = arrays(&["0.mean"], mean);
            all.extend(arrays(&["0.std"], std));
            take_normalisation(&mut all).map(|found| (found, all.len()))
        };
        let found = normalised(&[0.5; 3], &[0.25; 3]).expect("sound");
        assert_eq!(found, (Some([[0.5; 3], [0.25; 3]]), 0));
        // Of another number of channels: some other layer.
        assert_eq!(normalised(&[0.5; 4], &[0.25; 4]).expect("sound"), (None, 2));
        for (mean, std) in [
            ([123.7, 116.3, 103.5], [58.4, 57.1, 57.4]),
            ([0.5; 3], [0.0; 3]),
            ([0.5; 3], [f32::NAN; 3]),
            ([f32::NAN; 3], [0.5; 3]),
        ] {
            assert!(matches!(normalised(&mean, &std), Err(Fault::Normaliser)));
        }
        let mut deep = arrays(&["layer.norm.mean", "layer.norm.std"], &[0.5; 3]);
        assert_eq!(take_normalisation(&mut deep).expect("passed over"), None);
    }
}
