//! Networks: a [`Description`] lists the layers; with weights it becomes a [`Frozen`] network, which
//! predicts, or a `Network`, which trains. A forward pass gives logits and features.

mod description;
mod families;
mod fold;
mod frozen;
mod image_size;
#[cfg(feature = "learn")]
pub mod layers;
#[cfg(feature = "learn")]
mod network;
#[cfg(feature = "learn")]
pub mod parameters;
mod plan;
pub mod pooling;
pub mod weights;

pub use description::{Description, Layer, Operation, Parameter, Role, Value};
pub use families::{FAMILIES, Family};
pub use frozen::Frozen;
pub use image_size::ImagesError;
#[cfg(feature = "learn")]
pub use network::Network;

use burn::tensor::{Device, Tensor};
#[cfg(feature = "learn")]
use burn::tensor::{Int, TensorData};
use burn_fused_conv::floats;
use serde::{Deserialize, Serialize};
use unstamp_data::datasets::Split;

/// `eps` of batch normalisation (PyTorch's default).
pub const EPS: f32 = 1e-5;

/// The output of a network for a batch of `n` images.
#[derive(Clone, Debug)]
pub struct Output {
    /// `[n, classes]`.
    pub logits: Tensor<2>,
    /// One `[n, channels, height, width]` for each tap of the network, from the input to the output.
    pub features: Vec<Tensor<4>>,
    /// The input of the last layer, `[n, inputs]`; in a residual network the means of its last feature.
    pub pooled: Tensor<2>,
}

/// An architecture by name and number of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arch {
    /// Name of a family's form, such as `wrn-16-1`.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    /// Mean and deviation of the channels, for networks that expect normalised input; `None`
    /// for input in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<[[f32; 3]; 2]>,
}

/// The name of a network is not one of a known family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' with {classes} classes is not an architecture; use {forms}, such as {examples}")]
pub struct ArchError {
    name: String,
    classes: usize,
    forms: String,
    examples: String,
}

impl Arch {
    /// The layers of the network with this name.
    ///
    /// # Errors
    /// If the name is not one of a family in [`FAMILIES`], or there are fewer than 2 or more than
    /// 1,000 classes.
    pub fn describe(&self) -> Result<Description, ArchError> {
        let known = FAMILIES.iter().find_map(|family| family.describe(&self.name, self.classes));
        let possible = (2..=1000).contains(&self.classes);
        known.filter(|_| possible).ok_or_else(|| ArchError {
            name: self.name.clone(),
            classes: self.classes,
            forms: FAMILIES.iter().map(|f| f.form()).collect::<Vec<_>>().join(" or "),
            examples: architectures().collect::<Vec<_>>().join(", "),
        })
    }
}

/// Names of the networks that papers use; the first is the default.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|family| family.examples().iter().copied())
}

/// Images `indices` of a split as a batch `[n, 3, h, w]` in 0..1, after `edit` of each one's bytes.
pub fn batch(
    split: &Split,
    indices: &[usize],
    device: &Device,
    mut edit: impl FnMut(usize, &mut Vec<u8>),
) -> Tensor<4> {
    let n = indices.len();
    let plane = split.width * split.height;
    let mut values = vec![0.0f32; n * 3 * plane];
    let mut bytes = Vec::with_capacity(3 * plane);
    for (&i, image) in indices.iter().zip(values.chunks_exact_mut(3 * plane)) {
        bytes.clear();
        bytes.extend_from_slice(split.bytes(i));
        edit(i, &mut bytes);
        for (p, rgb) in bytes.chunks_exact(3).enumerate() {
            for c in 0..3 {
                image[c * plane + p] = f32::from(rgb[c]) / 255.0;
            }
        }
    }
    floats(values, [n, 3, split.height, split.width], device)
}

/// Labels of the images `indices` of a split, `[n]`.
#[cfg(feature = "learn")]
pub fn labels(split: &Split, indices: &[usize], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = indices.iter().map(|&i| i32::from(split.labels[i])).collect();
    Tensor::from_data(TensorData::new(labels, [indices.len()]), device)
}
