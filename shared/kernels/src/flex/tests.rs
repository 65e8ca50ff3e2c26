//! Shapes that the kernels refuse, and empty batches.

use crate::{Maps, affine_relu, conv2d, conv2d_add, floats};
use burn::tensor::{Device, Tensor};

/// Maps of ones.
fn maps(shape: [usize; 4]) -> Maps {
    Maps::new(ones(shape))
}

fn ones<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    floats(vec![1.0; shape.iter().product()], shape, &Device::flex())
}

#[test]
#[should_panic(expected = "a 5x5 kernel with stride 1: only 1x1 and 3x3 with 1 and 2 exist here")]
fn a_large_kernel_is_refused() {
    conv2d(maps([1, 2, 8, 8]), ones([3, 2, 5, 5]), 1);
}

#[test]
#[should_panic(expected = "a 3x3 kernel with stride 3")]
fn a_large_stride_is_refused() {
    conv2d(maps([1, 2, 8, 8]), ones([3, 2, 3, 3]), 3);
}

#[test]
#[should_panic(expected = "square kernels for 2 channels")]
fn weights_for_other_channels_are_refused() {
    conv2d(maps([1, 2, 8, 8]), ones([3, 4, 3, 3]), 1);
}

#[test]
#[should_panic(expected = "the skip has the output's shape")]
fn a_skip_of_another_shape_is_refused() {
    conv2d_add(maps([1, 2, 8, 8]), ones([3, 2, 3, 3]), maps([1, 3, 8, 7]));
}

#[test]
#[should_panic(expected = "channels, height and width are at least 1")]
fn maps_without_columns_are_refused() {
    affine_relu(maps([1, 2, 8, 0]), ones([2]), ones([2]));
}

#[test]
fn an_empty_batch_has_an_empty_output() {
    let y = conv2d(maps([0, 2, 5, 8]), ones([3, 2, 3, 3]), 2);
    assert_eq!(y.into_tensor().dims(), [0, 3, 3, 4]);
}
