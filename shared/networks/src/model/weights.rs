//! Weights by PyTorch's names, and their files: [safetensors](https://huggingface.co/docs/safetensors)
//! with metadata.

#[cfg(feature = "learn")]
pub use super::parameters::{arrays, gradient_norms, network};

pub use super::frozen::frozen;

use burn::tensor::{Tensor, Transaction};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use unstamp_data::datasets::ImageSize;
use unstamp_data::manifest::ModelRole;
use unstamp_data::poison::TriggerRecord;
use unstamp_data::self_test::SelfTestAnswers;

/// An array of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape, as in PyTorch.
    pub shape: Vec<usize>,
    /// Its values; the last index changes fastest.
    pub values: Vec<f32>,
}

/// Arrays in the order of their names.
pub type Arrays = BTreeMap<String, Array>;

/// Checks the arrays of a network one by one, and remembers which were used.
pub struct ArrayReader<'a> {
    arrays: &'a Arrays,
    names: BTreeSet<String>,
}

impl<'a> ArrayReader<'a> {
    /// A reader that has not used any array.
    pub fn from(arrays: &'a Arrays) -> Self {
        Self { arrays, names: BTreeSet::new() }
    }

    /// The array with this name.
    ///
    /// # Errors
    /// If it is missing, has another shape, or holds a value that is not finite.
    pub fn take(&mut self, name: String, shape: &[usize]) -> Result<&'a Array, WeightsError> {
        let array = self.arrays.get(&name).ok_or_else(|| WeightsError::Missing(name.clone()))?;
        if array.shape != shape {
            let found = array.shape.clone();
            let expected = shape.to_vec();
            return Err(WeightsError::Shape { name, found, expected });
        }
        if array.values.iter().any(|v| !v.is_finite()) {
            return Err(WeightsError::NotFinite(name));
        }
        self.names.insert(name);
        Ok(array)
    }

    /// Checks that every array was used, except PyTorch's `num_batches_tracked`.
    ///
    /// # Errors
    /// If an array was not used.
    pub fn end(self) -> Result<(), WeightsError> {
        let known = |n: &&String| is_batch_counter(n) || self.names.contains(*n);
        match self.arrays.keys().find(|name| !known(name)) {
            Some(extra) => Err(WeightsError::Extra(extra.clone())),
            None => Ok(()),
        }
    }
}

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The bytes are no safetensors file, or its metadata have another form. The text is the fault.
    #[error("this is not a safetensors file: {0}")]
    Format(String),
    /// The array with this name is missing.
    #[error("the file holds no weights called '{0}'; is it another architecture?")]
    Missing(String),
    /// An array has another shape than the architecture gives it.
    #[error("'{name}' has shape {found:?}, the architecture needs {expected:?}")]
    Shape {
        /// Name of the array.
        name: String,
        /// Shape of the array.
        found: Vec<usize>,
        /// Shape in the architecture.
        expected: Vec<usize>,
    },
    /// The architecture has no array with this name.
    #[error("the file holds '{0}', which the architecture does not have")]
    Extra(String),
    /// The array with this name holds a value that is infinite or no number.
    #[error("'{0}' holds a value that is not finite")]
    NotFinite(String),
    /// An array holds whole numbers, or numbers of a format that is not read.
    #[error("'{name}' is stored as {dtype}; numbers of f32, f16, bf16 or f64 are needed")]
    Dtype {
        /// Name of the array.
        name: String,
        /// Number format of the array, such as `I32`.
        dtype: String,
    },
    /// Values of tensors could not be read from the device. The text is the device's error.
    #[error("the device did not give the weights back: {0}")]
    Device(String),
    /// The architecture does not exist.
    #[error(transparent)]
    Arch(#[from] super::ArchError),
}

/// Reads many flat tensors in one transfer.
///
/// # Errors
/// If the device does not give the values back.
pub async fn read(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, WeightsError> {
    let failed = |e: &dyn std::fmt::Debug| WeightsError::Device(format!("{e:?}"));
    if tensors.is_empty() {
        return Ok(Vec::new());
    }
    let all = tensors.into_iter().fold(Transaction::default(), |t, tensor| t.register(tensor));
    let data = all.execute_async().await.map_err(|e| failed(&e))?;
    data.into_iter().map(|d| d.try_into_vec::<f32>().map_err(|e| failed(&e))).collect()
}

/// Number format of stored weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits, as in a run.
    F32,
    /// 16 bits, as in a published model.
    F16,
}

/// Whether an array is PyTorch's count of batches, which nothing here uses.
pub fn is_batch_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

/// The metadata of a file of weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Architecture, such as `wrn-16-1`.
    pub arch: String,
    /// Id of the data set.
    pub dataset: String,
    /// Name of each label.
    pub class_names: Vec<String>,
    /// Size of the images that the model was trained on; `None` for that of the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<ImageSize>,
    /// Mean and deviation of the channels, for networks that expect normalised input; `None` for input
    /// in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// Role of the model, such as victim; `None` if the file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ModelRole>,
    /// The trigger of the victim; `None` for a clean model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerRecord>,
    /// Seed of the training.
    #[serde(default)]
    pub seed: u64,
    /// Hash of the recipe.
    #[serde(default)]
    pub recipe_hash: String,
    /// Version of the program that made the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Git commit that the program was built from, where the build knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Threads of the processor that computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Sum of the squares of all convolution weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squared_weight_norm: Option<f64>,
    /// The model's own answers to the self-test images; only in a published model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<SelfTestAnswers>,
}

/// Bytes of a safetensors file. The metadata stand as JSON under the key `unstamp`, so that the
/// same weights always give the same bytes.
///
/// # Panics
///
/// If the shape of an array does not fit its values, or if the metadata cannot be written as JSON.
///
/// # Examples
///
/// ```
/// use unstamp_networks::model::weights::{Array, Arrays, Metadata, Precision, from_bytes, to_bytes};
///
/// let array = Array { shape: vec![2], values: vec![1.0, 0.1] };
/// let arrays = Arrays::from([("fc.bias".to_string(), array)]);
/// let metadata = Metadata { arch: "wrn-16-1".into(), ..Metadata::default() };
/// let bytes = to_bytes(&arrays, Precision::F32, &metadata);
/// assert_eq!(from_bytes(&bytes)?, (arrays.clone(), Some(metadata.clone())));
///
/// // Half precision keeps about three digits.
/// let half = to_bytes(&arrays, Precision::F16, &metadata);
/// let (read, _) = from_bytes::<Metadata>(&half)?;
/// assert!((read["fc.bias"].values[1] - 0.1).abs() < 1e-4);
/// # Ok::<(), unstamp_networks::model::weights::WeightsError>(())
/// ```
pub fn to_bytes<M: Serialize>(arrays: &Arrays, precision: Precision, metadata: &M) -> Vec<u8> {
    let raw: Vec<(String, Vec<usize>, Vec<u8>)> = arrays
        .iter()
        .map(|(name, array)| {
            let bytes = match precision {
                Precision::F32 => bytemuck::cast_slice(&array.values).to_vec(),
                Precision::F16 => {
                    array.values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect()
                }
            };
            (name.clone(), array.shape.clone(), bytes)
        })
        .collect();
    let dtype = if precision == Precision::F32 { Dtype::F32 } else { Dtype::F16 };
    let views = raw.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(dtype, shape.clone(), bytes).expect("shape and bytes agree");
        (name.as_str(), view)
    });
    let json = serde_json::to_string(metadata).expect("metadata are plain data");
    let header = [("unstamp".to_string(), json)].into_iter().collect();
    serialize(views, Some(header)).expect("views are sound")
}

/// Arrays, and metadata if the file has them.
///
/// # Errors
/// If the bytes are no safetensors file, the metadata have another form, or an array holds no floating-point
/// numbers.
pub fn from_bytes<M: for<'a> Deserialize<'a>>(
    bytes: &[u8],
) -> Result<(Arrays, Option<M>), WeightsError> {
    let wrong = |e: &dyn std::fmt::Display| WeightsError::Format(e.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(&e))?;
    let metadata = match header.metadata().as_ref().and_then(|m| m.get("unstamp")) {
        Some(json) => Some(serde_json::from_str(json).map_err(|e| wrong(&e))?),
        None => None,
    };
    let file = SafeTensors::deserialize(bytes).map_err(|e| wrong(&e))?;
    let mut arrays = Arrays::new();
    for (name, view) in file.tensors() {
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => {
                bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()
            }
            Dtype::BF16 => {
                bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()
            }
            Dtype::F64 => {
                bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()
            }
            Dtype::I64 if is_batch_counter(&name) => continue,
            other => return Err(WeightsError::Dtype { name, dtype: format!("{other:?}") }),
        };
        arrays.insert(name, Array { shape: view.shape().to_vec(), values });
    }
    Ok((arrays, metadata))
}

#[cfg(test)]
mod tests;
