//! Helpers of the unit tests.

use crate::job::{Augment, Schedule, Training};
use burn::tensor::{Device, Int, Tensor};
use std::sync::Arc;
use unstamp_data::datasets::{Split, SplitName, signs};
use unstamp_data::seed::Seed;
use unstamp_networks::model::weights::{self, Arrays};
use unstamp_networks::model::{Arch, Maps, Output};

/// The values of a tensor, row by row.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("numbers of f32")
}

/// Asserts that two lists agree up to the rounding of a few operations in f32.
#[track_caller]
pub fn close(found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len(), "{found:?} is not {wanted:?}");
    for (f, w) in found.iter().zip(wanted) {
        assert!((f - w).abs() <= 1e-5 * w.abs().max(1.0), "{found:?} is not {wanted:?}");
    }
}

/// Labels `[n]`.
pub fn labels<const N: usize>(labels: [i32; N]) -> Tensor<1, Int> {
    Tensor::from_ints(labels, &Device::flex())
}

/// Rows of logits.
pub fn logits<const N: usize, const C: usize>(rows: [[f32; C]; N]) -> Tensor<2> {
    Tensor::from_floats(rows, &Device::flex())
}

/// An output for one image with two classes and with these features, each `[channels][positions]` on one row.
pub fn output<const C: usize, const W: usize>(features: &[[[f32; W]; C]]) -> Output {
    let maps = |feature: &[[f32; W]; C]| {
        let rows = feature.map(|channel| [channel]);
        Maps::new(Tensor::from_floats([rows], &Device::flex()))
    };
    let logits = logits([[0.0, 0.0]]);
    let features = features.iter().map(maps).collect();
    Output { logits: logits.clone(), features, pooled: logits }
}

/// A small architecture for ten classes.
pub fn arch() -> Arch {
    Arch::new("wrn-10-1", 10)
}

/// Random weights of [`arch`].
pub fn fresh() -> Arrays {
    let network = arch().init(Seed(0), &Device::flex()).expect("it exists");
    pollster::block_on(weights::arrays(&network)).expect("readable")
}

/// The first `count` drawn signs.
pub fn drawn(count: usize) -> Arc<Split> {
    Arc::new(signs::split(Seed(0), SplitName::Train, 0..count))
}

/// A training with momentum at a constant rate, without augmentation.
pub fn training(epochs: usize, batch: usize) -> Training {
    Training {
        epochs,
        batch,
        lr: 0.01,
        schedule: Schedule::Constant,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 1e-4,
        augment: Augment::default(),
    }
}
