//! The operations a WideResNet spends its time in, as a Burn backend extension.
//!
//! They run on own kernels on the CPU (`Flex`) and on Burn's own operations everywhere else; the
//! default bodies in `ops` are those operations, and the oracle the kernels are tested against.
//! Derivatives are in `autodiff`.
#![allow(unsafe_code)] // the SIMD loops check their bounds once, before the loop

#[cfg(feature = "learn")]
mod autodiff;
#[cfg(feature = "cpu")]
mod conv;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod fused;
#[cfg(feature = "cpu")]
mod loops;
#[cfg(feature = "cpu")]
mod norm;
pub mod ops;
#[cfg(feature = "cpu")]
mod par;
#[cfg(feature = "cpu")]
mod planes;
#[cfg(feature = "cpu")]
mod shuffle;
#[cfg(feature = "cpu")]
mod simd;
#[cfg(feature = "cpu")]
pub mod winograd;

use self::ops::KernelOps;
#[cfg(feature = "cpu")]
pub use self::{fused::Fused, planes::Geometry};
use burn::backend::Dispatch;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of these values, row by row. Burn's own way in converts between all number formats
/// first, which was an eighth of the page's program.
pub fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_dispatch(Dispatch::float_from_data(data, device.as_dispatch()))
}

/// 2-D convolution without bias, padding `(k - 1) / 2`: `x [n, cin, h, w]`, `weight [cout, cin, k, k]`
/// with `k` 1 or 3 and `stride` 1 or 2 -> `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::unstamp_conv2d(x, weight, stride))
}

type Raw = FloatTensor<Dispatch>;

/// What comes of a batch that is normalised.
pub struct Normalised {
    pub output: Tensor<4>,
    /// The input's mean over batch and space, `[c]`.
    pub mean: Tensor<1>,
    /// Its biased variance, `[c]`.
    pub var: Tensor<1>,
}

impl Normalised {
    /// The statistics carry no gradient of their own (the output's gradient accounts for them).
    fn new((output, mean, var): (Raw, Raw, Raw)) -> Self {
        let fixed = |t| Tensor::<1>::from_dispatch(t).detach();
        Self { output: Tensor::from_dispatch(output), mean: fixed(mean), var: fixed(var) }
    }
}

/// Batch normalisation with the batch's own statistics, then ReLU:
/// `relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, `[n, c, h, w]`.
pub fn batch_norm_relu(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, eps: f32) -> Normalised {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Normalised::new(Dispatch::unstamp_batch_norm_relu(x, gamma, beta, eps))
}

/// [`batch_norm_relu`] and the convolution after it, [`conv2d`] or with a `skip` [`conv2d_add`]: the
/// half of a block. What lies between them is never stored.
pub fn batch_norm_conv2d(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    eps: f32,
    weight: Tensor<4>,
    stride: usize,
    skip: Option<Tensor<4>>,
) -> Normalised {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    Normalised::new(match skip {
        Some(skip) => {
            let skip = skip.into_dispatch();
            Dispatch::unstamp_batch_norm_conv2d_add(x, gamma, beta, weight, skip, eps)
        }
        None => Dispatch::unstamp_batch_norm_conv2d(x, gamma, beta, weight, eps, stride),
    })
}

/// `relu(scale[c] * x + shift[c])`: batch normalisation with fixed statistics, then ReLU.
pub fn affine_relu(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_affine_relu(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
    ))
}

/// First half of a frozen block: `conv(relu(scale x + shift), weight) + bias`, then ReLU where
/// `relu` says so; padding `(k - 1) / 2`.
pub fn norm_conv2d(
    x: Tensor<4>,
    [scale, shift]: [Tensor<1>; 2],
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    relu: bool,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_norm_conv2d(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stride,
        relu,
    ))
}

/// Second half of a block: `conv(x, weight) + skip`, stride 1, padding `(k - 1) / 2`.
pub fn conv2d_add(x: Tensor<4>, weight: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_conv2d_add(
        x.into_dispatch(),
        weight.into_dispatch(),
        skip.into_dispatch(),
    ))
}
