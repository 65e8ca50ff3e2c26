//! Networks: configuration -> weights -> forward, giving logits and group features.

mod frozen;
#[cfg(feature = "learn")]
pub mod layers;
#[cfg(feature = "learn")]
pub mod parameters;
pub mod weights;
#[cfg(feature = "learn")]
mod wrn;

pub use frozen::Frozen;
#[cfg(feature = "learn")]
pub use wrn::Wrn;

use burn::tensor::{Device, Tensor};
#[cfg(feature = "learn")]
use burn::tensor::{Int, TensorData};
use burn_fused_conv::floats;
use serde::{Deserialize, Serialize};
use unstamp_data::datasets::Split;
#[cfg(feature = "learn")]
use unstamp_data::seed::Seed;

/// `eps` of batch normalisation (PyTorch's default).
pub const EPS: f32 = 1e-5;

/// Depth, width, classes, and what the input is normalised by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrnConfig {
    pub depth: usize,
    pub width: usize,
    pub classes: usize,
    pub normalisation: Option<[[f32; 3]; 2]>,
}

impl WrnConfig {
    /// Blocks of a group.
    pub fn blocks(&self) -> usize {
        (self.depth - 4) / 6
    }

    /// Channels of the stem and of each group.
    pub fn widths(&self) -> [usize; 4] {
        [16, 16 * self.width, 32 * self.width, 64 * self.width]
    }

    /// Channels in, channels out and stride of block `b` of group `g` (1 to 3).
    pub fn block(&self, g: usize, b: usize) -> (usize, usize, usize) {
        let widths = self.widths();
        let cin = if b == 0 { widths[g - 1] } else { widths[g] };
        (cin, widths[g], if b == 0 && g > 1 { 2 } else { 1 })
    }
}

/// What a network gives for a batch.
#[derive(Clone, Debug)]
pub struct Output {
    /// `[n, classes]`.
    pub logits: Tensor<2>,
    /// One `[n, channels, height, width]` a group, from the input to the output.
    pub features: Vec<Tensor<4>>,
    /// What the last layer sees, `[n, channels]`: the means of the last activation.
    pub pooled: Tensor<2>,
}

/// The networks of the papers; any `wrn-D-K` with `D = 6m + 4` works.
pub const ARCHITECTURES: &[&str] =
    &["wrn-16-1", "wrn-10-1", "wrn-10-2", "wrn-16-2", "wrn-40-1", "wrn-40-2"];

/// An architecture by name and number of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arch {
    /// `wrn-16-1`.
    pub name: String,
    pub classes: usize,
    /// Mean and deviation of the channels, for networks that expect normalised input; ours take 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<[[f32; 3]; 2]>,
}

impl Arch {
    /// Reads the name.
    pub fn config(&self) -> Result<WrnConfig, String> {
        let wrong = || {
            format!(
                "'{}' is no architecture; use wrn-D-K with D = 6m + 4, such as {}",
                self.name,
                ARCHITECTURES.join(", ")
            )
        };
        let sizes = self.name.strip_prefix("wrn-").and_then(|rest| rest.split_once('-'));
        let (depth, width) = sizes.ok_or_else(wrong)?;
        let (depth, width): (usize, usize) =
            (depth.parse().map_err(|_| wrong())?, width.parse().map_err(|_| wrong())?);
        let sound =
            (10..=100).contains(&depth) && (depth - 4) % 6 == 0 && (1..=16).contains(&width);
        if !sound || !(2..=1000).contains(&self.classes) {
            return Err(wrong());
        }
        let (classes, normalisation) = (self.classes, self.normalisation);
        Ok(WrnConfig { depth, width, classes, normalisation })
    }

    /// Random weights from `seed`.
    #[cfg(feature = "learn")]
    pub fn init(&self, seed: Seed, device: &Device) -> Result<Wrn, String> {
        Ok(self.config()?.init(seed, device))
    }
}

/// Images `indices` of a split as a batch `[n, 3, h, w]` in 0..1, after `edit` of each one's bytes.
pub fn batch(
    split: &Split,
    indices: &[usize],
    device: &Device,
    mut edit: impl FnMut(usize, &mut Vec<u8>),
) -> Tensor<4> {
    let (n, plane) = (indices.len(), split.width * split.height);
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
