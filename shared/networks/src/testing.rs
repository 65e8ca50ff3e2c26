//! Helpers of the unit tests.

use crate::model::weights::{Array, Arrays};
use crate::model::{Arch, Description};
use burn::tensor::Tensor;

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

/// The smallest network of the first family.
pub fn arch() -> Arch {
    Arch::new("wrn-10-1", 3)
}

/// Weights that are all `value`.
pub fn filled(description: &Description, value: f32) -> Arrays {
    let parameters = description.parameters().into_iter();
    let array = |shape: Vec<usize>| {
        let values = vec![value; shape.iter().product()];
        Array { shape, values }
    };
    parameters.map(|parameter| (parameter.name, array(parameter.shape))).collect()
}

/// Weights of [`arch`] with which it always answers `class`.
pub fn constant(class: usize) -> Arrays {
    let mut arrays = filled(&arch().describe().expect("it exists"), 0.0);
    arrays.get_mut("fc.bias").expect("it exists").values[class] = 1.0;
    arrays
}
