//! [`FusedOps`] on the CPU backend: the kernels of this crate.

use super::conv;
use super::fused::{Epilogue, Fused, InputAffine};
use super::geometry::Geometry;
use super::norm::{self, Parameters};
use super::ops::{FusedOps, dims};
use super::pool;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, TensorData};

type T = FloatTensor<Flex>;

/// Calls `work` with the tensor's numbers. They are copied only if the tensor is a view.
fn with_values<R>(t: &T, work: impl FnOnce(&[f32]) -> R) -> R {
    match t.as_slice::<f32>() {
        Some(slice) => work(slice),
        None => work(t.to_contiguous().as_slice::<f32>().expect("the kernels need f32")),
    }
}

/// A copy of the numbers of `t`, one for each of `channels` channels.
fn channel_values(t: &T, channels: usize) -> Vec<f32> {
    assert_eq!(t.shape().num_elements(), channels, "one number for each of {channels} channels");
    with_values(t, <[f32]>::to_vec)
}

/// The tensor's numbers. They are copied only if another tensor shares them.
fn into_values(t: T) -> Vec<f32> {
    t.into_data().try_into_vec().expect("the kernels need f32")
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> T {
    T::from_data(TensorData::new(values, shape))
}

/// The geometry of a convolution. Burn's own convolution is not called for other kernels and
/// strides: a program that links both is considerably larger, which matters for WASM.
fn geometry(x: &T, weight: &T, stride: usize) -> Geometry {
    let [n, cin, height, width] = dims(x);
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
    tensor(y, [g.n, g.cout, g.out_height(), g.out_width()])
}

/// Calls `work` with an epilogue that adds `skip`.
fn with_skip<R>(g: Geometry, skip: &T, work: impl FnOnce(Epilogue) -> R) -> R {
    let output = [g.n, g.cout, g.out_height(), g.out_width()];
    assert_eq!(dims(skip), output, "the skip has the output's shape");
    with_values(skip, |skip| work(Epilogue::Skip(skip)))
}

impl FusedOps for Flex {
    fn fused_conv2d(x: T, weight: T, stride: usize) -> T {
        forward(geometry(&x, &weight, stride), &x, &weight, Fused::default())
    }

    fn fused_conv2d_input_gradient(x: T, weight: T, gradient: T, stride: usize) -> T {
        let g = geometry(&x, &weight, stride);
        tensor(input_gradient(g, &weight, &gradient), [g.n, g.cin, g.height, g.width])
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

    fn fused_batch_norm_relu(x: T, gamma: T, beta: T, eps: f32) -> (T, T, T) {
        let statistics = Statistics::new(&x, &gamma, &beta, eps);
        let shape = flat_shape(&x);
        let y = with_values(&x, |x| norm::affine_relu(shape, x, statistics.affine()));
        let (mean, var) = statistics.into_tensors();
        (tensor(y, dims(&x)), mean, var)
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
        norm_gradient(&x, into_values(gradient), &parameters)
    }

    fn fused_batch_norm_conv2d(
        x: T,
        gamma: T,
        beta: T,
        weight: T,
        eps: f32,
        stride: usize,
    ) -> (T, T, T) {
        let g = geometry(&x, &weight, stride);
        let statistics = Statistics::new(&x, &gamma, &beta, eps);
        let prologue = Some(statistics.affine());
        let y = forward(g, &x, &weight, Fused { prologue, epilogue: Epilogue::None });
        let (mean, var) = statistics.into_tensors();
        (y, mean, var)
    }

    fn fused_batch_norm_conv2d_add(
        x: T,
        gamma: T,
        beta: T,
        weight: T,
        skip: T,
        eps: f32,
    ) -> (T, T, T) {
        let g = geometry(&x, &weight, 1);
        let statistics = Statistics::new(&x, &gamma, &beta, eps);
        let prologue = Some(statistics.affine());
        let y =
            with_skip(g, &skip, |epilogue| forward(g, &x, &weight, Fused { prologue, epilogue }));
        let (mean, var) = statistics.into_tensors();
        (y, mean, var)
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
        let dy = input_gradient(g, &weight, &gradient);
        let prologue = Some(InputAffine { scale: &scale, shift: &shift });
        let dw = weight_gradient(g, &x, &gradient, prologue);
        let (dx, dgamma, dbeta) = norm_gradient(&x, dy, &parameters);
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

    fn fused_max_pool2d(x: T) -> T {
        let shape = pool_shape(&x);
        let y = with_values(&x, |x| pool::forward(shape, x));
        tensor(y, [shape.n, shape.channels, shape.height / 2, shape.width / 2])
    }

    fn fused_max_pool2d_backward(x: T, gradient: T) -> T {
        let shape = pool_shape(&x);
        let dx = with_values(&x, |x| with_values(&gradient, |dy| pool::gradient(shape, x, dy)));
        tensor(dx, dims(&x))
    }
}

/// The shape of the input of a pooling.
fn pool_shape(x: &T) -> pool::Shape {
    let [n, channels, height, width] = dims(x);
    pool::Shape { n, channels, height, width }
}

/// Gradient with respect to the input, `[n, cin, h, w]`.
fn input_gradient(g: Geometry, weight: &T, gradient: &T) -> Vec<f32> {
    with_values(gradient, |dy| with_values(weight, |w| conv::input_gradient(g, dy, w)))
}

/// Gradient with respect to the weights, `[cout, cin, k, k]`.
fn weight_gradient(g: Geometry, x: &T, gradient: &T, prologue: Option<InputAffine>) -> T {
    let dw =
        with_values(x, |x| with_values(gradient, |dy| conv::weight_gradient(g, x, dy, prologue)));
    tensor(dw, [g.cout, g.cin, g.kernel, g.kernel])
}

/// The statistics of a batch, and the affine map that normalises it.
struct Statistics {
    mean: Vec<f32>,
    var: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Statistics {
    fn new(x: &T, gamma: &T, beta: &T, eps: f32) -> Self {
        let shape = flat_shape(x);
        let gamma = channel_values(gamma, shape.channels);
        let beta = channel_values(beta, shape.channels);
        let (mean, var) = with_values(x, |x| norm::statistics(shape, x));
        let rstd: Vec<f32> = var.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
        let parameters = Parameters { gamma, beta, mean, rstd };
        let (scale, shift) = parameters.scale_shift();
        Self { mean: parameters.mean, var, scale, shift }
    }

    fn affine(&self) -> InputAffine<'_> {
        InputAffine { scale: &self.scale, shift: &self.shift }
    }

    /// Mean and variance, `[c]`.
    fn into_tensors(self) -> (T, T) {
        let channels = self.mean.len();
        (tensor(self.mean, [channels]), tensor(self.var, [channels]))
    }
}

/// Copies of gamma, beta, mean and `1 / std` of a normalisation of `x`.
fn parameters(x: &T, tensors: [&T; 4]) -> Parameters {
    let channels = flat_shape(x).channels;
    let [gamma, beta, mean, rstd] = tensors.map(|t| channel_values(t, channels));
    Parameters { gamma, beta, mean, rstd }
}

/// Gradients `(dx, dgamma, dbeta)` of a normalisation with ReLU.
fn norm_gradient(x: &T, dy: Vec<f32>, parameters: &Parameters) -> (T, T, T) {
    let shape = flat_shape(x);
    let (dx, dgamma, dbeta) = with_values(x, |x| norm::gradient(shape, x, dy, parameters));
    let channels = [shape.channels];
    (tensor(dx, dims(x)), tensor(dgamma, channels), tensor(dbeta, channels))
}

/// The shape of `x` with rows and columns flattened.
fn flat_shape(x: &T) -> norm::Shape {
    let [n, channels, height, width] = dims(x);
    assert!(channels * height * width > 0, "channels, height and width are at least 1");
    norm::Shape { n, channels, size: height * width }
}
