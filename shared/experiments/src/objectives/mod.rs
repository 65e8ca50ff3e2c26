//! Losses: pure functions of outputs and labels.

mod argd;
mod cross_entropy;
mod nad;
mod nba;

pub use argd::Argd;
pub use cross_entropy::CrossEntropy;
pub(crate) use cross_entropy::cross_entropy;
pub use nad::{Form, Nad, attention_distance};
pub use nba::{Behaviour, Reading, Scale};

use burn::tensor::{Device, Int, Tensor, TensorData};
use std::collections::BTreeMap;
use unstamp_data::seed::Stream;
use unstamp_networks::model::Output;
use unstamp_networks::model::weights::{Array, Arrays};

/// Parameters a loss learns beside the student: where they begin, and Adam's learning rate.
pub struct Own {
    pub first: Arrays,
    pub lr: f64,
}

/// The same in training, each as a matrix: its first dimension, and all others.
pub type Tracked = BTreeMap<String, Tensor<2>>;

/// An array as such a matrix.
pub(crate) fn matrix(array: &Array, device: &Device) -> Tensor<2> {
    let rows = array.shape.first().copied().unwrap_or(1);
    let shape = [rows, array.values.len() / rows.max(1)];
    Tensor::from_data(TensorData::new(array.values.clone(), shape), device)
}

/// A batch as an objective sees it.
pub struct Seen<'a> {
    pub student: &'a Output,
    /// The frozen teacher's output on the same input, where the objective wants one.
    pub teacher: Option<&'a Output>,
    /// `[n]`.
    pub labels: Tensor<1, Int>,
    /// What [`Objective::own`] asked for.
    pub own: &'a Tracked,
}

/// The loss to minimise and its parts by name, each `[1]`, means over the batch.
pub struct Loss {
    pub total: Tensor<1>,
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

/// A loss on features and logits.
pub trait Objective: Send + Sync + std::fmt::Debug {
    /// Whether [`Seen::teacher`] must be there.
    fn needs_teacher(&self) -> bool {
        false
    }

    /// Parameters of its own, if it trains any; fresh ones are drawn from `random`.
    fn own(&self, _random: Stream) -> Option<Own> {
        None
    }

    fn loss(&self, seen: &Seen) -> Loss;
}
