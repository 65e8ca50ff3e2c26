//! [`KernelOps`] on the CPU: own kernels where they apply, Burn's operations otherwise.

use super::conv::{self, Fused, Geometry};
use super::norm::{self, Planes};
use super::{KernelOps, along_channels, dims, options, same_padding};
use burn::backend::Flex;
use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, TensorData};

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

/// The kernels' geometry, where they cover the convolution.
fn geometry(x: &T, weight: &T, stride: usize, padding: usize) -> Option<Geometry> {
    let [n, cin, height, width] = dims(x);
    let [cout, wcin, kernel, kernel_w] = dims(weight);
    let covered = x.dtype() == DType::F32
        && weight.dtype() == DType::F32
        && cin == wcin
        && kernel == kernel_w
        && matches!(kernel, 1 | 3)
        && matches!(stride, 1 | 2)
        && padding == (kernel - 1) / 2
        && n * cin * height * width > 0;
    covered.then_some(Geometry { n, cin, cout, height, width, kernel, stride })
}

impl KernelOps for Flex {
    fn unstamp_conv2d(x: T, weight: T, stride: usize, padding: usize) -> T {
        match geometry(&x, &weight, stride, padding) {
            Some(g) => {
                let y = with(&x, |x| with(&weight, |w| conv::forward(g, x, w, Fused::default())));
                tensor(y, [g.n, g.cout, g.out_height(), g.out_width()])
            }
            None => Flex::conv2d(x, weight, None, options(stride, padding)),
        }
    }

    fn unstamp_conv2d_x(x: T, weight: T, gradient: T, stride: usize, padding: usize) -> T {
        match geometry(&x, &weight, stride, padding) {
            Some(g) => {
                let dx = with(&gradient, |dy| with(&weight, |w| conv::input_gradient(g, dy, w)));
                tensor(dx, [g.n, g.cin, g.height, g.width])
            }
            None => Flex::conv2d_x_backward(x, weight, gradient, options(stride, padding)),
        }
    }

    fn unstamp_conv2d_weight(x: T, weight: T, gradient: T, stride: usize, padding: usize) -> T {
        match geometry(&x, &weight, stride, padding) {
            Some(g) => {
                let dw = with(&x, |x| with(&gradient, |dy| conv::weight_gradient(g, x, dy)));
                tensor(dw, [g.cout, g.cin, g.kernel, g.kernel])
            }
            None => Flex::conv2d_weight_backward(x, weight, gradient, options(stride, padding)),
        }
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
        let padding = same_padding(&weight);
        let Some(g) = geometry(&x, &weight, stride, padding) else {
            let x = Self::unstamp_affine_relu(x, scale, shift);
            let y = Self::unstamp_conv2d(x, weight, stride, padding);
            let y = Self::float_add(y, along_channels::<Self>(bias));
            return if relu { Self::relu(y) } else { y };
        };
        let [scale, shift, bias] = [&scale, &shift, &bias].map(|t| with(t, <[f32]>::to_vec));
        let fused = Fused { before: Some((&scale, &shift)), bias: Some(&bias), relu, skip: None };
        let y = with(&x, |x| with(&weight, |w| conv::forward(g, x, w, fused)));
        tensor(y, [g.n, g.cout, g.out_height(), g.out_width()])
    }

    fn unstamp_conv2d_add(x: T, weight: T, skip: T) -> T {
        let padding = same_padding(&weight);
        match geometry(&x, &weight, 1, padding) {
            Some(g) => {
                let y = with(&skip, |skip| {
                    let fused = Fused { skip: Some(skip), ..Fused::default() };
                    with(&x, |x| with(&weight, |w| conv::forward(g, x, w, fused)))
                });
                tensor(y, [g.n, g.cout, g.out_height(), g.out_width()])
            }
            None => Self::float_add(Self::unstamp_conv2d(x, weight, 1, padding), skip),
        }
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
