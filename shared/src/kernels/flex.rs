//! [`KernelOps`] on the CPU: own kernels.

use super::conv::{self, Geometry};
use super::fused::{After, Fused};
use super::norm::{self, Planes};
use super::{KernelOps, dims};
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
        let dw = with(&x, |x| with(&gradient, |dy| conv::weight_gradient(g, x, dy)));
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
        let (mean, var) = with(&x, |x| norm::statistics(p, x));
        let scale: Vec<f32> =
            with(&gamma, |g| g.iter().zip(&var).map(|(g, v)| g / (v + eps).sqrt()).collect());
        let shift: Vec<f32> = with(&beta, |b| {
            b.iter().zip(scale.iter().zip(&mean)).map(|(b, (s, m))| b - s * m).collect()
        });
        let y = with(&x, |x| norm::affine(p, x, &scale, &shift));
        (tensor(y, shape), tensor(mean, [p.channels]), tensor(var, [p.channels]))
    }

    fn unstamp_batch_norm_relu_backward(
        x: T,
        gradient: T,
        gamma: T,
        beta: T,
        mean: T,
        rstd: T,
    ) -> (T, T, T) {
        let (p, shape) = planes(&x);
        let parts = [&gamma, &beta, &mean, &rstd].map(|t| with(t, <[f32]>::to_vec));
        let [gamma, beta, mean, rstd] = &parts;
        let (dx, dgamma, dbeta) =
            with(&x, |x| with(&gradient, |dy| norm::gradient(p, x, dy, gamma, beta, mean, rstd)));
        (tensor(dx, shape), tensor(dgamma, [p.channels]), tensor(dbeta, [p.channels]))
    }

    fn unstamp_affine_relu(x: T, scale: T, shift: T) -> T {
        let (p, shape) = planes(&x);
        let y = with(&x, |x| with(&scale, |a| with(&shift, |b| norm::affine(p, x, a, b))));
        tensor(y, shape)
    }
}

fn planes(x: &T) -> (Planes, [usize; 4]) {
    let [n, channels, height, width] = dims(x);
    (Planes { n, channels, size: height * width }, [n, channels, height, width])
}
