//! What a checkpoint holds: the weights of a model, and what it says about the model.

use super::Fault;
use super::pickle::Object;
use super::storage::Storages;
use super::tensor::tensor;
use unstamp_shared::model::weights::{Arrays, Metadata};

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

/// What a result of [BackdoorBench](https://github.com/SCLBD/BackdoorBench) says about its model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Our name of its network (`model_name`).
    pub arch: Option<String>,
    /// Number of classes.
    pub num_classes: Option<usize>,
    /// Name of its data set (`clean_data`).
    pub dataset: Option<String>,
}

/// Keys under which a checkpoint may hold its state_dict.
const NESTED: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// BackdoorBench's name of a network, the family here, and the first convolution, whose number of
/// outputs is the base width.
const NETWORKS: [(&str, &str, &str); 2] = [
    ("preactresnet18", "preact-resnet18", "conv1.weight"),
    ("vgg19_bn", "vgg19-bn", "features.0.weight"),
];

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

impl Origin {
    fn new(object: &Object, arrays: &Arrays) -> Self {
        let text = |key: &str| object.get(key).and_then(|value| value.text());
        let count = object.get("num_classes").and_then(|value| value.int());
        Self {
            arch: text("model_name").and_then(|name| arch(&name, arrays)),
            num_classes: count.and_then(|count| usize::try_from(count).ok()),
            dataset: text("clean_data"),
        }
    }
}

/// Our name of a network of BackdoorBench with these weights.
fn arch(name: &str, arrays: &Arrays) -> Option<String> {
    let (_, family, first) = NETWORKS.iter().find(|(theirs, ..)| *theirs == name)?;
    let width = *arrays.get(*first)?.shape.first()?;
    Some(if width == 64 { family.to_string() } else { format!("{family}-{width}") })
}

/// The tensors of a state_dict by name, without the counters of batches and DataParallel's prefix.
fn arrays(pairs: Vec<(Object, Object)>, storages: &Storages) -> Result<Arrays, Fault> {
    let mut arrays = Arrays::new();
    for (key, value) in pairs {
        let name = key.text().ok_or(Fault::Nameless)?;
        let name = name.strip_prefix("module.").unwrap_or(&name).to_string();
        if name.ends_with("num_batches_tracked") {
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
