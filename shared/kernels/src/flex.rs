//! [`FusedOps`] on the CPU backend: the kernels of this crate.

use super::conv::{self, Gradients};
use super::defaults::dims;
use super::fused::{Epilogue, Fused, InputAffine};
use super::geometry::Geometry;
use super::norm::{self, Parameters, Statistics};
use super::ops::FusedOps;
use super::pool;
use super::values::{channel_values, into_values, tensor, transposed, with_values};
use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;

#[cfg(test)]
mod tests;

type T = FloatTensor<Flex>;

/// The geometry of a convolution. Burn's own convolution is not called for other kernels and
/// strides: a program that links both is considerably larger, which matters for WASM.
fn geometry(x: &T, weight: &T, stride: usize) -> Geometry {
    let [n, height, width, cin] = dims(x);
    let [cout, _, kernel, _] = dims(weight);
    assert_eq!(dims(weight), [cout, cin, kernel, kernel], "square kernels for {cin} channels");
    assert!(
        matches!((kernel, stride), (1 | 3, 1 | 2)),
        "a {kernel}x{kernel} kernel with stride {stride}: only 1x1 and 3x3 with 1 and 2 exist here"
    );
    assert!(cin * cout * height * width > 0, "channels, height and width are at least 1");
    Geometry { n, cin, cout, height, width, kernel, stride }
}

/// A convolution with what is fused. The slices in `fused` have been checked.
fn forward(g: Geometry, x: &T, weight: &T, fused: Fused) -> T {
    let y = with_values(x, |x| with_values(weight, |w| conv::forward(g, x, w, fused)));
    tensor(y, [g.n, g.out_height(), g.out_width(), g.cout])
}

/// Calls `work` with an epilogue that adds `skip`.
fn with_skip<R>(g: Geometry, skip: &T, work: impl FnOnce(Epilogue) -> R) -> R {
    let output = [g.n, g.out_height(), g.out_width(), g.cout];
    assert_eq!(dims(skip), output, "the skip has the output's shape");
    with_values(skip, |skip| work(Epilogue::Skip(skip)))
}

impl FusedOps for Flex {
    fn fused_maps(tensor: T) -> T {
        let [n, c, h, w] = dims(&tensor);
        transposed(tensor, [c, h * w], [n, h, w, c])
    }

    fn fused_images(maps: T) -> T {
        let [n, h, w, c] = dims(&maps);
        transposed(maps, [h * w, c], [n, c, h, w])
    }

    fn fused_conv2d(x: T, weight: T, stride: usize) -> T {
        forward(geometry(&x, &weight, stride), &x, &weight, Fused::default())
    }

    fn fused_conv2d_input_gradient(x: T, weight: T, gradient: T, stride: usize) -> T {
        let g = geometry(&x, &weight, stride);
        tensor(input_gradient(g, &weight, &gradient), [g.n, g.height, g.width, g.cin])
    }

    fn fused_conv2d_weight_gradient(x: T, weight: T, gradient: T, stride: usize) -> T {
        weight_gradient(geometry(&x, &weight, stride), &x, &gradient, None)
    }

    fn fused_norm_conv2d(
        x: T,
        scale: T,
        shift: T,
        weight: T,
        bias: T,
        stride: usize,
        relu: bool,
    ) -> T {
        let g = geometry(&x, &weight, stride);
        let scale = channel_values(&scale, g.cin);
        let shift = channel_values(&shift, g.cin);
        let bias = channel_values(&bias, g.cout);
        let prologue = Some(InputAffine { scale: &scale, shift: &shift });
        let epilogue = Epilogue::Bias { bias: &bias, relu };
        forward(g, &x, &weight, Fused { prologue, epilogue })
    }

    fn fused_conv2d_add(x: T, weight: T, skip: T) -> T {
        let g = geometry(&x, &weight, 1);
        with_skip(g, &skip, |epilogue| forward(g, &x, &weight, Fused { prologue: None, epilogue }))
    }

    fn fused_conv2d_statistics(x: T, weight: T, stride: usize) -> (T, T, T) {
        forward_with_statistics(geometry(&x, &weight, stride), &x, &weight, Fused::default())
    }

    fn fused_statistics(x: T) -> (T, T) {
        let shape = flat_shape(&x);
        statistics_tensors(with_values(&x, |x| norm::statistics(shape, x)))
    }

    fn fused_batch_norm_relu(x: T, mean: T, var: T, gamma: T, beta: T, eps: f32) -> T {
        let (scale, shift) = normalisation(&x, [&gamma, &beta, &mean, &var], eps);
        let affine = InputAffine { scale: &scale, shift: &shift };
        let y = with_values(&x, |values| norm::affine_relu(flat_shape(&x), values, affine));
        tensor(y, dims(&x))
    }

    fn fused_batch_norm_relu_backward(
        x: T,
        gradient: T,
        gamma: T,
        beta: T,
        mean: T,
        rstd: T,
    ) -> (T, T, T) {
        let parameters = parameters(&x, [&gamma, &beta, &mean, &rstd]);
        norm_gradient(&x, into_values(gradient), &parameters, None)
    }

    fn fused_batch_norm_conv2d(
        x: T,
        mean: T,
        var: T,
        gamma: T,
        beta: T,
        weight: T,
        eps: f32,
        stride: usize,
    ) -> (T, T, T) {
        let g = geometry(&x, &weight, stride);
        let (scale, shift) = normalisation(&x, [&gamma, &beta, &mean, &var], eps);
        let prologue = Some(InputAffine { scale: &scale, shift: &shift });
        forward_with_statistics(g, &x, &weight, Fused { prologue, epilogue: Epilogue::None })
    }

    fn fused_batch_norm_conv2d_add(
        x: T,
        mean: T,
        var: T,
        gamma: T,
        beta: T,
        weight: T,
        skip: T,
        eps: f32,
    ) -> (T, T, T) {
        let g = geometry(&x, &weight, 1);
        let (scale, shift) = normalisation(&x, [&gamma, &beta, &mean, &var], eps);
        let prologue = Some(InputAffine { scale: &scale, shift: &shift });
        with_skip(g, &skip, |epilogue| {
            forward_with_statistics(g, &x, &weight, Fused { prologue, epilogue })
        })
    }

    fn fused_batch_norm_conv2d_backward(
        x: T,
        gradient: T,
        gamma: T,
        beta: T,
        mean: T,
        rstd: T,
        weight: T,
        stride: usize,
    ) -> (T, T, T, T) {
        let g = geometry(&x, &weight, stride);
        let parameters = parameters(&x, [&gamma, &beta, &mean, &rstd]);
        let (scale, shift) = parameters.scale_shift();
        let affine = InputAffine { scale: &scale, shift: &shift };
        let Gradients { input, weight: dw, sums } = with_values(&x, |x| {
            let dy = |dy: &[f32]| {
                with_values(&weight, |w| conv::gradients(g, x, dy, w, affine, &parameters.mean))
            };
            with_values(&gradient, dy)
        });
        let dw = tensor(dw, [g.cout, g.cin, g.kernel, g.kernel]);
        let (dx, dgamma, dbeta) = norm_gradient(&x, input, &parameters, Some(sums));
        (dx, dgamma, dbeta, dw)
    }

    fn fused_affine_relu(x: T, scale: T, shift: T) -> T {
        let shape = flat_shape(&x);
        let scale = channel_values(&scale, shape.channels);
        let shift = channel_values(&shift, shape.channels);
        let affine = InputAffine { scale: &scale, shift: &shift };
        let y = with_values(&x, |x| norm::affine_relu(shape, x, affine));
        tensor(y, dims(&x))
    }

    fn fused_affine_relu_backward(x: T, scale: T, shift: T, gradient: T) -> T {
        let shape = flat_shape(&x);
        let scale = channel_values(&scale, shape.channels);
        let shift = channel_values(&shift, shape.channels);
        let affine = InputAffine { scale: &scale, shift: &shift };
        let dy = into_values(gradient);
        let dx = with_values(&x, |x| norm::affine_relu_gradient(shape, x, dy, affine));
        tensor(dx, dims(&x))
    }

    fn fused_max_pool2d(x: T) -> T {
        let shape = pool_shape(&x);
        let y = with_values(&x, |x| pool::forward(shape, x));
        tensor(y, [shape.n, shape.height / 2, shape.width / 2, shape.channels])
    }

    fn fused_max_pool2d_backward(x: T, gradient: T) -> T {
        let shape = pool_shape(&x);
        let dx = with_values(&x, |x| with_values(&gradient, |dy| pool::gradient(shape, x, dy)));
        tensor(dx, dims(&x))
    }
}

/// The shape of the input of a pooling.
fn pool_shape(x: &T) -> pool::Shape {
    let [n, height, width, channels] = dims(x);
    pool::Shape { n, channels, height, width }
}

/// Gradient with respect to the input, `[n, h, w, cin]`.
fn input_gradient(g: Geometry, weight: &T, gradient: &T) -> Vec<f32> {
    with_values(gradient, |dy| with_values(weight, |w| conv::input_gradient(g, dy, w)))
}

/// Gradient with respect to the weights, `[cout, cin, k, k]`.
fn weight_gradient(g: Geometry, x: &T, gradient: &T, prologue: Option<InputAffine>) -> T {
    let dw =
        with_values(x, |x| with_values(gradient, |dy| conv::weight_gradient(g, x, dy, prologue)));
    tensor(dw, [g.cout, g.cin, g.kernel, g.kernel])
}

/// Mean and variance, `[c]`.
fn statistics_tensors(statistics: Statistics) -> (T, T) {
    let Statistics { mean, var } = statistics;
    let channels = [mean.len()];
    (tensor(mean, channels), tensor(var, channels))
}

/// A convolution with what is fused, and the statistics of its output. The slices in `fused` have been checked.
fn forward_with_statistics(g: Geometry, x: &T, weight: &T, fused: Fused) -> (T, T, T) {
    let (y, statistics) =
        with_values(x, |x| with_values(weight, |w| conv::forward_with_statistics(g, x, w, fused)));
    let (mean, var) = statistics_tensors(statistics);
    (tensor(y, [g.n, g.out_height(), g.out_width(), g.cout]), mean, var)
}

/// A normalisation as `scale x + shift`, from gamma, beta, mean and variance.
fn normalisation(x: &T, tensors: [&T; 4], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let Parameters { gamma, beta, mean, rstd: var } = parameters(x, tensors);
    let rstd = var.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
    Parameters { gamma, beta, mean, rstd }.scale_shift()
}

/// Copies of gamma, beta, mean and `1 / std` of a normalisation of `x`.
fn parameters(x: &T, tensors: [&T; 4]) -> Parameters {
    let channels = flat_shape(x).channels;
    let [gamma, beta, mean, rstd] = tensors.map(|t| channel_values(t, channels));
    Parameters { gamma, beta, mean, rstd }
}

/// Gradients `(dx, dgamma, dbeta)` of a normalisation with ReLU; `sums` as in [`norm::gradient`].
fn norm_gradient(
    x: &T,
    dy: Vec<f32>,
    parameters: &Parameters,
    sums: Option<Vec<[f64; 2]>>,
) -> (T, T, T) {
    let shape = flat_shape(x);
    let (dx, dgamma, dbeta) = with_values(x, |x| norm::gradient(shape, x, dy, parameters, sums));
    let channels = [shape.channels];
    (tensor(dx, dims(x)), tensor(dgamma, channels), tensor(dbeta, channels))
}

/// The shape of `x` with images, rows and columns flattened.
fn flat_shape(x: &T) -> norm::Shape {
    let [n, height, width, channels] = dims(x);
    assert!(channels * height * width > 0, "channels, height and width are at least 1");
    norm::Shape { pixels: n * height * width, channels }
}
