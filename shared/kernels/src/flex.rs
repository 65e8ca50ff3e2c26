//! [`KernelOps`] on the CPU: own kernels.

use super::conv::{self, Geometry};
use super::fused::{After, Fused};
use super::norm::{self, Planes};
use super::ops::{KernelOps, dims};
use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

type T = FloatTensor<Flex>;

/// The tensor's numbers, copied only when it is a view.
fn with<R>(t: &T, f: impl FnOnce(&[f32]) -> R) -> R {
    match t.as_slice::<f32>() {
        Some(slice) => f(slice),
        None => f(t.to_contiguous().as_slice::<f32>().expect("f32, contiguous")),
    }
}

/// The tensor's numbers, copied only when somebody else holds it too.
fn owned(t: T) -> Vec<f32> {
    t.into_data().try_into_vec().expect("f32")
}

fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> T {
    T::from_data(TensorData::new(values, shape))
}

/// The kernels' geometry. Burn's own convolution is not kept beside them for other shapes: it
/// would be a seventh of the page's program, and no layer of this crate can ask for one.
fn geometry(x: &T, weight: &T, stride: usize) -> Geometry {
    let [n, cin, height, width] = dims(x);
    let [cout, _, kernel, _] = dims(weight);
    assert_eq!(dims(weight), [cout, cin, kernel, kernel], "weights for {cin} channels");
    assert!(matches!((kernel, stride), (1 | 3, 1 | 2)), "{kernel}x{kernel}, stride {stride}");
    Geometry { n, cin, cout, height, width, kernel, stride }
}

/// Forward with what is fused around it.
fn forward(x: &T, weight: &T, stride: usize, fused: Fused) -> T {
    let g = geometry(x, weight, stride);
    let y = with(x, |x| with(weight, |w| conv::forward(g, x, w, fused)));
    tensor(y, [g.n, g.cout, g.out_height(), g.out_width()])
}

impl KernelOps for Flex {
    fn unstamp_conv2d(x: T, weight: T, stride: usize) -> T {
        forward(&x, &weight, stride, Fused::default())
    }

    fn unstamp_conv2d_x(x: T, weight: T, gradient: T, stride: usize) -> T {
        let g = geometry(&x, &weight, stride);
        let dx = with(&gradient, |dy| with(&weight, |w| conv::input_gradient(g, dy, w)));
        tensor(dx, [g.n, g.cin, g.height, g.width])
    }

    fn unstamp_conv2d_weight(x: T, weight: T, gradient: T, stride: usize) -> T {
        let g = geometry(&x, &weight, stride);
        let dw = with(&x, |x| with(&gradient, |dy| conv::weight_gradient(g, x, dy, None)));
        tensor(dw, [g.cout, g.cin, g.kernel, g.kernel])
    }

    fn unstamp_norm_conv2d(
        x: T,
        scale: T,
        shift: T,
        weight: T,
        bias: T,
        stride: usize,
        relu: bool,
    ) -> T {
        let [scale, shift, bias] = [&scale, &shift, &bias].map(|t| with(t, <[f32]>::to_vec));
        let after = After::Bias { bias: &bias, relu };
        let fused = Fused { before: Some((&scale, &shift)), after };
        forward(&x, &weight, stride, fused)
    }

    fn unstamp_conv2d_add(x: T, weight: T, skip: T) -> T {
        with(&skip, |skip| {
            forward(&x, &weight, 1, Fused { before: None, after: After::Skip(skip) })
        })
    }

    fn unstamp_batch_norm_relu(x: T, gamma: T, beta: T, eps: f32) -> (T, T, T) {
        let (p, shape) = planes(&x);
        let n = Statistics::of(&x, &gamma, &beta, eps);
        let y = with(&x, |x| norm::affine(p, x, &n.scale, &n.shift));
        (tensor(y, shape), tensor(n.mean, [p.channels]), tensor(n.var, [p.channels]))
    }

    fn unstamp_batch_norm_relu_backward(
        x: T,
        gradient: T,
        gamma: T,
        beta: T,
        mean: T,
        rstd: T,
    ) -> (T, T, T) {
        let parts = [&gamma, &beta, &mean, &rstd].map(|t| with(t, <[f32]>::to_vec));
        normalised(&x, owned(gradient), &parts)
    }

    fn unstamp_batch_norm_conv2d(
        x: T,
        gamma: T,
        beta: T,
        weight: T,
        eps: f32,
        stride: usize,
    ) -> (T, T, T) {
        convolved(&x, [&gamma, &beta], &weight, (eps, stride), After::Nothing)
    }

    fn unstamp_batch_norm_conv2d_add(
        x: T,
        gamma: T,
        beta: T,
        weight: T,
        skip: T,
        eps: f32,
    ) -> (T, T, T) {
        with(&skip, |skip| convolved(&x, [&gamma, &beta], &weight, (eps, 1), After::Skip(skip)))
    }

    fn unstamp_batch_norm_conv2d_backward(
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
        let parts = [&gamma, &beta, &mean, &rstd].map(|t| with(t, <[f32]>::to_vec));
        let (scale, shift) = norm::scale_shift(&parts);
        let dy = with(&gradient, |dy| with(&weight, |w| conv::input_gradient(g, dy, w)));
        let dw = with(&x, |x| {
            with(&gradient, |dy| conv::weight_gradient(g, x, dy, Some((&scale, &shift))))
        });
        let dw = tensor(dw, [g.cout, g.cin, g.kernel, g.kernel]);
        let (dx, dgamma, dbeta) = normalised(&x, dy, &parts);
        (dx, dgamma, dbeta, dw)
    }

    fn unstamp_affine_relu(x: T, scale: T, shift: T) -> T {
        let (p, shape) = planes(&x);
        let y = with(&x, |x| with(&scale, |a| with(&shift, |b| norm::affine(p, x, a, b))));
        tensor(y, shape)
    }
}

/// A batch's mean and variance, and the affine map that normalises it.
struct Statistics {
    mean: Vec<f32>,
    var: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Statistics {
    fn of(x: &T, gamma: &T, beta: &T, eps: f32) -> Self {
        let (mean, var) = with(x, |values| norm::statistics(planes(x).0, values));
        let rstd: Vec<f32> = var.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
        let parts = [with(gamma, <[f32]>::to_vec), with(beta, <[f32]>::to_vec), mean, rstd];
        let (scale, shift) = norm::scale_shift(&parts);
        let [_, _, mean, _] = parts;
        Self { mean, var, scale, shift }
    }
}

/// The convolution of a normalised batch, the batch's mean and its variance.
fn convolved(
    x: &T,
    [gamma, beta]: [&T; 2],
    weight: &T,
    (eps, stride): (f32, usize),
    after: After,
) -> (T, T, T) {
    let n = Statistics::of(x, gamma, beta, eps);
    let y = forward(x, weight, stride, Fused { before: Some((&n.scale, &n.shift)), after });
    let channels = n.mean.len();
    (y, tensor(n.mean, [channels]), tensor(n.var, [channels]))
}

/// Gradients through normalisation and ReLU; `parts` are gamma, beta, mean, `1 / std`.
fn normalised(x: &T, dy: Vec<f32>, parts: &[Vec<f32>; 4]) -> (T, T, T) {
    let (p, shape) = planes(x);
    let (dx, dgamma, dbeta) = with(x, |x| norm::gradient(p, x, dy, parts));
    (tensor(dx, shape), tensor(dgamma, [p.channels]), tensor(dbeta, [p.channels]))
}

fn planes(x: &T) -> (Planes, [usize; 4]) {
    let [n, channels, height, width] = dims(x);
    (Planes { n, channels, size: height * width }, [n, channels, height, width])
}
