//! Losses as pure functions of outputs and labels.

mod argd;
mod cross_entropy;
mod nad;
mod nba;

pub use argd::{Argd, Embedder};
pub use cross_entropy::CrossEntropy;
pub(crate) use cross_entropy::cross_entropy;
pub use nad::{Form, Nad, attention_distance};
pub use nba::{Behaviour, Divergence, Layers, Reading, Representation, Scale};

use burn::tensor::{Device, Int, Tensor, TensorData};
use std::collections::BTreeMap;
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{Array, Arrays};
use unstamp_networks::model::{Maps, Output};

/// Parameters that a loss trains together with the student.
pub struct AuxiliaryParameters {
    /// Their first values, by name.
    pub first: Arrays,
    /// Adam's learning rate for them.
    pub lr: f64,
}

/// Parameters in training by name, each as a matrix of its first dimension and all others.
pub type Tracked = BTreeMap<String, Tensor<2>>;

/// An array as a matrix of its first dimension and all others.
pub(crate) fn matrix(array: &Array, device: &Device) -> Tensor<2> {
    let rows = array.shape.first().copied().unwrap_or(1);
    let shape = [rows, array.values.len() / rows.max(1)];
    Tensor::from_data(TensorData::new(array.values.clone(), shape), device)
}

/// A batch as an objective sees it.
pub struct ObjectiveInput<'a> {
    /// The student's output.
    pub student: &'a Output,
    /// The teacher's output on the same input, if the objective needs one.
    pub teacher: Option<&'a Output>,
    /// True labels, `[n]`.
    pub labels: Tensor<1, Int>,
    /// The parameters that [`Objective::auxiliary`] asked for.
    pub auxiliary: &'a Tracked,
}

/// The loss of a batch. All tensors are `[1]`.
pub struct Loss {
    /// The loss to minimise.
    pub total: Tensor<1>,
    /// The terms of the loss without their weights, by name, for the record. They need not add up to
    /// the total.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

/// The features of student and teacher that an objective compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// None: the objective has no teacher.
    Nothing,
    /// Maps of every group: groups and positions must be the same.
    Maps,
    /// Features of every group: channels must be the same too.
    Features,
}

impl Compared {
    /// Whether the features of two networks can be compared.
    pub fn fits(self, teacher: &Output, student: &Output) -> bool {
        let size = |feature: &Maps| {
            let [_, channels, height, width] = feature.dims();
            (if self == Self::Features { channels } else { 0 }, height, width)
        };
        let sizes = |output: &Output| output.features.iter().map(size).collect::<Vec<_>>();
        self == Self::Nothing || sizes(teacher) == sizes(student)
    }
}

/// A loss on features and logits.
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_experiments::objectives::{CrossEntropy, Objective, ObjectiveInput, Tracked};
/// use unstamp_networks::model::{Output, weights::read};
///
/// // Two images, four classes of equal probability: the cross entropy is ln 4.
/// let device = Device::flex();
/// let logits = Tensor::zeros([2, 4], &device);
/// let student = Output { logits: logits.clone(), features: Vec::new(), pooled: logits };
/// let labels = Tensor::from_ints([0, 3], &device);
/// let auxiliary = Tracked::new();
/// let input = ObjectiveInput { student: &student, teacher: None, labels, auxiliary: &auxiliary };
/// let loss = pollster::block_on(read(vec![CrossEntropy.loss(&input).total]))?[0][0];
/// assert!((loss - 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), unstamp_networks::model::weights::WeightsError>(())
/// ```
pub trait Objective: Send + Sync + std::fmt::Debug {
    /// The features of the student that the loss compares with those of [`ObjectiveInput::teacher`].
    fn compares(&self) -> Compared {
        Compared::Nothing
    }

    /// Parameters that it trains together with the student, if any; their first values are drawn from
    /// `random`.
    fn auxiliary(&self, _groups: usize, _random: Stream) -> Option<AuxiliaryParameters> {
        None
    }

    /// The loss of a batch.
    fn loss(&self, seen: &ObjectiveInput) -> Loss;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{output, values};

    #[test]
    fn features_fit_by_their_positions_and_channels() {
        let one = output(&[[[0.0, 0.0]]]);
        let two_channels = output(&[[[0.0, 0.0], [0.0, 0.0]]]);
        let three_positions = output(&[[[0.0, 0.0, 0.0]]]);
        let two_groups = output(&[[[0.0, 0.0]], [[0.0, 0.0]]]);
        let cases = [
            (Compared::Nothing, &three_positions, true),
            (Compared::Maps, &one, true),
            (Compared::Maps, &two_channels, true),
            (Compared::Maps, &three_positions, false),
            (Compared::Maps, &two_groups, false),
            (Compared::Features, &one, true),
            (Compared::Features, &two_channels, false),
        ];
        for (number, (compared, teacher, fits)) in cases.into_iter().enumerate() {
            assert_eq!(compared.fits(teacher, &one), fits, "case {number}");
        }
    }

    #[test]
    fn a_matrix_has_the_first_dimension_as_rows() {
        let read = |shape: &[usize], values: &[f32]| {
            let array = Array { shape: shape.to_vec(), values: values.to_vec() };
            matrix(&array, &Device::flex())
        };
        let matrix = read(&[2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(matrix.dims(), [2, 2]);
        assert_eq!(values(matrix), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(&[], &[1.0]).dims(), [1, 1]);
    }
}
