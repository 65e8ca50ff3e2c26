//! Gradients by hand. `tests/bench/src/checks.rs` of the repository compares the others with Burn's.

use crate::{Maps, affine_relu, floats, norm_conv2d};
use burn::tensor::{Device, Tensor};

/// One channel of one row, whose gradient is wanted.
fn row(values: &[f32]) -> Tensor<4> {
    floats(values.to_vec(), [1, 1, 1, values.len()], &Device::flex().autodiff()).require_grad()
}

fn one(value: f32) -> Tensor<1> {
    floats(vec![value], [1], &Device::flex().autodiff())
}

fn values<const D: usize>(tensor: Option<Tensor<D>>) -> Vec<f32> {
    let tensor = tensor.expect("there is a gradient");
    tensor.into_data().try_into_vec().expect("f32")
}

#[test]
fn the_scale_is_passed_where_the_output_is_positive() {
    // 2 x - 4 is -2, 0 and 2.
    let x = row(&[1.0, 2.0, 3.0]);
    let y = affine_relu(Maps::new(x.clone()), one(2.0), one(-4.0));
    assert_eq!(values(x.grad(&y.sum().backward())), [0.0, 0.0, 2.0]);
}

#[test]
fn a_frozen_normalisation_passes_gradients_to_input_weight_and_bias() {
    let device = Device::flex().autodiff();
    let x = row(&[1.0, 3.0, 4.0]);
    let weight = floats(vec![-1.0, 2.0], [2, 1, 1, 1], &device).require_grad();
    let bias = floats(vec![3.0, 1.0], [2], &device).require_grad();
    let maps = Maps::new(x.clone());
    let y = norm_conv2d(maps, [one(2.0), one(-4.0)], weight.clone(), bias.clone(), 1, true);
    // h = relu(2 x - 4) is 0, 2, 4; the outputs are relu(3 - h) and relu(1 + 2 h).
    assert_eq!(values(Some(y.clone().into_tensor())), [3.0, 1.0, 0.0, 1.0, 5.0, 9.0]);
    let gradients = y.sum().backward();
    assert_eq!(values(x.grad(&gradients)), [0.0, 2.0, 4.0]);
    assert_eq!(values(weight.grad(&gradients)), [2.0, 6.0]);
    assert_eq!(values(bias.grad(&gradients)), [2.0, 3.0]);
}
