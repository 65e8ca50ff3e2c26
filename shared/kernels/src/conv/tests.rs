//! Both algorithms against the definition.

use super::*;
use crate::fused::{Epilogue, Fused, InputAffine};
use crate::reference::{self, close, values};
use crate::winograd;

/// `[n, cin, cout, height, width]`: one pixel, one row, one column, odd sides, more channels than a
/// vector and fewer, several tasks with several images in a piece, and an image that
/// Winograd's algorithm cuts into several pieces.
const SHAPES: [[usize; 5]; 10] = [
    [1, 1, 1, 1, 1],
    [2, 2, 1, 1, 9],
    [2, 1, 2, 9, 1],
    [5, 9, 8, 7, 5],
    [3, 8, 17, 10, 13],
    [11, 3, 5, 12, 11],
    [2, 8, 9, 30, 50],
    [19, 8, 8, 8, 8],
    [1, 8, 8, 70, 90],
    // An image of several pieces, whose gradients Winograd's algorithm reads in place.
    [2, 16, 64, 32, 32],
];

fn geometries() -> impl Iterator<Item = Geometry> {
    SHAPES.into_iter().flat_map(|[n, cin, cout, height, width]| {
        let shape = Geometry { n, cin, cout, height, width, kernel: 3, stride: 1 };
        [(1, 1), (1, 2), (3, 1), (3, 2)].map(|(kernel, stride)| Geometry {
            kernel,
            stride,
            ..shape
        })
    })
}

#[test]
fn outputs_and_gradients_agree_with_the_definition() {
    for g in geometries() {
        let x = values(g.n * g.in_size(), 1);
        let weight = values(g.cout * g.cin * g.taps(), 2);
        let dy = values(g.n * g.out_size(), 3);
        close(&forward(g, &x, &weight, Fused::default()), &reference::forward(g, &x, &weight));
        close(&input_gradient(g, &dy, &weight), &reference::input_gradient(g, &dy, &weight));
        close(&weight_gradient(g, &x, &dy, None), &reference::weight_gradient(g, &x, &dy));
    }
}

#[test]
fn the_gradient_of_large_kernels_agrees_with_the_definition() {
    for g in geometries() {
        let x = values(g.n * g.in_size(), 1);
        let dy = values(g.n * g.out_size(), 3);
        let dw = direct::KernelGradient::new(g).of_batch(&x, &dy, None);
        close(&dw, &reference::weight_gradient(g, &x, &dy));
    }
}

#[test]
fn winograds_algorithm_agrees_with_the_definition_for_any_supported_shape() {
    let plain = Fused::default();
    for g in geometries().filter(|g| g.kernel == 3 && g.stride == 1) {
        let x = values(g.n * g.in_size(), 1);
        let weight = values(g.cout * g.cin * 9, 2);
        let dy = values(g.n * g.out_size(), 3);
        let step = winograd::Convolution::forward(g, &weight);
        close(&steps::outputs(g, &step, &x, plain, |_| ()).0, &reference::forward(g, &x, &weight));
        let step = winograd::Convolution::input_gradient(g, &weight);
        let (dx, _) = steps::outputs(g.transposed(), &step, &dy, plain, |_| ());
        close(&dx, &reference::input_gradient(g, &dy, &weight));
        let step = winograd::KernelGradient::new(g);
        let dw = steps::kernel_gradient(g, &step, &x, &dy, None);
        close(&dw, &reference::weight_gradient(g, &x, &dy));
    }
}

#[test]
fn prologue_and_epilogue_are_applied_to_the_right_elements() {
    for g in geometries() {
        let x = values(g.n * g.in_size(), 1);
        let weight = values(g.cout * g.cin * g.taps(), 2);
        let scale = values(g.cin, 3);
        let shift = values(g.cin, 4);
        let skip = values(g.n * g.out_size(), 5);
        let affine = InputAffine { scale: &scale, shift: &shift };
        let fused = Fused { prologue: Some(affine), epilogue: Epilogue::Skip(&skip) };

        let channel = |i: usize| i % g.cin;
        let mapped = x.iter().enumerate().map(|(i, x)| scale[channel(i)] * x + shift[channel(i)]);
        let mapped: Vec<f32> = mapped.map(|x| x.max(0.0)).collect();
        let mut expected = reference::forward(g, &mapped, &weight);
        expected.iter_mut().zip(&skip).for_each(|(y, skip)| *y += skip);
        close(&forward(g, &x, &weight, fused), &expected);
        let dw = weight_gradient(g, &x, &skip, Some(affine));
        close(&dw, &reference::weight_gradient(g, &mapped, &skip));
    }
}

#[test]
fn an_empty_batch_has_an_empty_output_and_no_weight_gradient() {
    let g = Geometry { n: 0, cin: 2, cout: 3, height: 4, width: 5, kernel: 3, stride: 2 };
    assert!(forward(g, &[], &[0.5; 54], Fused::default()).is_empty());
    assert!(input_gradient(g, &[], &[0.5; 54]).is_empty());
    assert_eq!(weight_gradient(g, &[], &[], None), [0.0; 54]);
}

#[test]
fn multiply_adds_are_those_of_the_algorithm() {
    // 3x3 outputs of 9 products for 2 images, 3 input and 4 output channels.
    let g = Geometry { n: 2, cin: 3, cout: 4, height: 5, width: 6, kernel: 3, stride: 2 };
    assert_eq!(multiply_adds(g), 2 * 3 * 4 * 9 * 9);
    // 64 tiles of 36 products, where the definition has 9 for each of 1024 outputs.
    let g = Geometry { n: 1, cin: 16, cout: 16, height: 32, width: 32, kernel: 3, stride: 1 };
    let of_a_pair = if cfg!(feature = "winograd") { 64 * 36 } else { 1024 * 9 };
    assert_eq!(multiply_adds(g), 16 * 16 * of_a_pair);
}
