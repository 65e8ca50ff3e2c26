//! Networks: a [`Description`] lists the layers; with weights it becomes a [`Frozen`] network, which
//! predicts, or a `Network`, which trains. A forward pass gives logits and features.

#[cfg(feature = "learn")]
mod costs;
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

pub use burn_fused_conv::Maps;
#[cfg(feature = "learn")]
pub use costs::{GroupCost, GroupInputs};
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
    pub features: Vec<Maps>,
    /// The input of the last layer, `[n, inputs]`; in a residual network the means of its last feature.
    pub pooled: Tensor<2>,
}

/// Which outputs of layers are the features of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Features {
    /// The output of each group of blocks. A group ends before the layer that makes the maps smaller.
    #[default]
    Groups,
    /// The outputs of all blocks ([`Description::with_blocks_as_features`]).
    Blocks,
}

/// An architecture by name and number of classes.
///
/// # Examples
///
/// ```
/// use unstamp_networks::model::Arch;
///
/// let network = Arch::new("wrn-10-1", 10).describe()?;
/// assert_eq!(network.layers[0].name, "conv1");
/// assert_eq!(network.taps.len(), 3, "a WideResNet has three groups");
///
/// let error = Arch::new("wrn-11-1", 10).describe().expect_err("11 is not 6m + 4");
/// assert!(error.to_string().starts_with("'wrn-11-1' with 10 classes is not an architecture"));
/// # Ok::<(), unstamp_networks::model::ArchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arch {
    /// Name of a family's form, such as `wrn-16-1`.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    /// Channels of the images.
    #[serde(default = "rgb", skip_serializing_if = "is_rgb")]
    pub channels: usize,
    /// Mean and deviation of the channels, for networks that expect normalised RGB images; `None`
    /// for input in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<[[f32; 3]; 2]>,
    /// The features of its networks. Each use of a network chooses them, so no file holds them.
    #[serde(skip)]
    pub features: Features,
}

/// Channels of RGB images, which every data set has.
pub const RGB: usize = 3;

/// Most channels that images may have.
const MOST_CHANNELS: usize = 256;

fn rgb() -> usize {
    RGB
}

fn is_rgb(channels: &usize) -> bool {
    *channels == RGB
}

/// No network has this name, or these numbers of classes and channels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchError {
    /// The name is not one of a known family, or the number of classes is not possible.
    #[error(
        "'{name}' with {classes} classes is not an architecture; use {forms}, such as {examples}"
    )]
    Unknown {
        /// The name.
        name: String,
        /// Number of classes.
        classes: usize,
        /// The forms of the names of all families.
        forms: String,
        /// Names of all families.
        examples: String,
    },
    /// The number of channels is not possible.
    #[error("a network cannot read images of {0} channels; use 1 to {MOST_CHANNELS}")]
    Channels(usize),
    /// Mean and deviation are given for three channels, and the images have another number.
    #[error("mean and deviation belong to RGB images, but the network reads {0} channels")]
    Normalisation(usize),
}

impl Arch {
    /// The architecture with this name for RGB images in 0..1.
    pub fn new(name: impl Into<String>, classes: usize) -> Self {
        Self {
            name: name.into(),
            classes,
            channels: RGB,
            normalisation: None,
            features: Features::Groups,
        }
    }

    /// The layers of the network with this name.
    ///
    /// # Errors
    /// If the name is not one of a family in [`FAMILIES`], there are fewer than 2 or more than
    /// 1,000 classes, the images have no channel or more than 256, or there are a mean and a
    /// deviation for images that are not RGB.
    pub fn describe(&self) -> Result<Description, ArchError> {
        if !(1..=MOST_CHANNELS).contains(&self.channels) {
            return Err(ArchError::Channels(self.channels));
        }
        if self.normalisation.is_some() && self.channels != RGB {
            return Err(ArchError::Normalisation(self.channels));
        }
        let describe =
            |family: &&dyn Family| family.describe(&self.name, self.channels, self.classes);
        let known = FAMILIES.iter().find_map(describe);
        let possible = (2..=1000).contains(&self.classes);
        let known = known.filter(|_| possible).ok_or_else(|| ArchError::Unknown {
            name: self.name.clone(),
            classes: self.classes,
            forms: FAMILIES.iter().map(|f| f.form()).collect::<Vec<_>>().join(" or "),
            examples: architectures().collect::<Vec<_>>().join(", "),
        })?;
        Ok(match self.features {
            Features::Groups => known,
            Features::Blocks => known.with_blocks_as_features(),
        })
    }
}

/// Name of the architecture that is used if no other one is given.
pub const DEFAULT_ARCH: &str = "wrn-16-1";

/// Names of the networks that papers use.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|family| family.examples().iter().copied())
}

/// Images `indices` of a split as a batch `[n, 3, h, w]` in 0..1, after `edit` of each one's bytes. On native
/// targets several threads edit images at the same time.
pub fn batch(
    split: &Split,
    indices: &[usize],
    device: &Device,
    edit: impl Fn(usize, &mut Vec<u8>) + Sync,
) -> Tensor<4> {
    let n = indices.len();
    let plane = split.width * split.height;
    let mut values = vec![0.0f32; n * RGB * plane];
    let write = |(index, image): (&usize, &mut [f32])| {
        let mut bytes = split.bytes(*index).to_vec();
        edit(*index, &mut bytes);
        for (p, rgb) in bytes.chunks_exact(RGB).enumerate() {
            for c in 0..RGB {
                image[c * plane + p] = f32::from(rgb[c]) / 255.0;
            }
        }
    };
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        indices.par_iter().zip(values.par_chunks_exact_mut(RGB * plane)).for_each(write);
    }
    #[cfg(target_family = "wasm")]
    indices.iter().zip(values.chunks_exact_mut(RGB * plane)).for_each(write);
    floats(values, [n, RGB, split.height, split.width], device)
}

/// Labels of the images `indices` of a split, `[n]`.
#[cfg(feature = "learn")]
pub fn labels(split: &Split, indices: &[usize], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = indices.iter().map(|&i| i32::from(split.labels[i])).collect();
    Tensor::from_data(TensorData::new(labels, [indices.len()]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;

    #[test]
    fn classes_and_channels_have_bounds() {
        let described = |classes, channels| {
            let arch = Arch { channels, ..Arch::new("wrn-10-1", classes) };
            arch.describe()
        };
        for (classes, sound) in [(0, false), (1, false), (2, true), (1000, true), (1001, false)] {
            assert_eq!(described(classes, RGB).is_ok(), sound, "{classes} classes");
        }
        for (channels, sound) in [(0, false), (1, true), (256, true), (257, false)] {
            let wanted = if sound { None } else { Some(ArchError::Channels(channels)) };
            assert_eq!(described(10, channels).err(), wanted);
        }
    }

    #[test]
    fn a_record_names_channels_only_if_they_are_not_rgb() {
        let rgb = Arch::new("wrn-16-1", 10);
        let json = serde_json::to_string(&rgb).expect("plain data");
        assert_eq!(json, r#"{"name":"wrn-16-1","classes":10}"#);
        for arch in [Arch { channels: 1, ..rgb.clone() }, rgb] {
            let json = serde_json::to_string(&arch).expect("plain data");
            assert_eq!(serde_json::from_str::<Arch>(&json).expect("readable"), arch);
        }
    }

    /// Two images of 2x1 pixels.
    fn two() -> Split {
        let pixels = vec![0, 51, 102, 153, 204, 255, 255, 0, 0, 0, 0, 255];
        Split { width: 2, height: 1, pixels, labels: vec![4, 7] }
    }

    #[test]
    fn a_batch_holds_the_planes_of_the_edited_images() {
        let device = Device::flex();
        let batch = batch(&two(), &[1, 0], &device, |index, bytes| {
            if index == 1 {
                bytes[0] = 0;
            }
        });
        assert_eq!(batch.dims(), [2, 3, 1, 2]);
        let edited = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let plain = [0.0, 0.6, 0.2, 0.8, 0.4, 1.0];
        assert_eq!(values(batch), [edited, plain].concat());
    }

    #[test]
    fn labels_follow_the_indices() {
        assert_eq!(values(labels(&two(), &[1, 0, 1], &Device::flex()).float()), [7.0, 4.0, 7.0]);
    }
}
