//! Fused convolution, batch normalisation and ReLU for [Burn](https://burn.dev), with own kernels
//! for Burn's CPU backend (`Flex`), native and WASM.
//!
//! Each function of this crate takes and returns ordinary Burn tensors and replaces a group of Burn
//! operations:
//!
//! | function | computes |
//! |---|---|
//! | [`conv2d`] | `conv(x, w)` |
//! | [`conv2d_add`] | `conv(x, w) + skip` |
//! | [`affine_relu`] | `relu(scale x + shift)` |
//! | [`norm_conv2d`] | `conv(relu(scale x + shift), w) + bias`, and ReLU after it on request |
//! | [`batch_norm_relu`] | `relu(batch_norm(x))` with batch statistics |
//! | [`batch_norm_conv2d`] | `conv(relu(batch_norm(x)), w)`, and `+ skip` on request |
//! | [`max_pool2d`] | the maximum over 2x2 pixels |
//!
//! What lies between the parts of a group is not stored.
//!
//! # Example
//!
#![cfg_attr(feature = "cpu", doc = "```")]
#![cfg_attr(not(feature = "cpu"), doc = "```ignore")]
//! use burn::tensor::{Device, Tensor};
//! use burn_fused_conv::{conv2d_add, norm_conv2d};
//!
//! // One residual block with folded batch normalisation.
//! let device = Device::flex();
//! let x = Tensor::<4>::ones([1, 8, 6, 5], &device);
//! let weight = Tensor::<4>::ones([8, 8, 3, 3], &device) * 0.01;
//! let scale = Tensor::<1>::ones([8], &device);
//! let shift = Tensor::<1>::zeros([8], &device);
//! let bias = Tensor::<1>::zeros([8], &device);
//!
//! let hidden = norm_conv2d(x.clone(), [scale, shift], weight.clone(), bias, 1, true);
//! let y = conv2d_add(hidden, weight, x);
//! assert_eq!(y.dims(), [1, 8, 6, 5]);
//! ```
//!
//! # Which code runs
//!
//! | backend | crate feature | code |
//! |---|---|---|
//! | `Flex` | `cpu` | the kernels of this crate |
//! | `Wgpu` | `wgpu` | Burn's own operations (the default bodies of [`ops::FusedOps`]) |
//! | `Autodiff` of these | `learn` | derivatives of this crate, on the backend inside |
//!
//! On any other backend the functions panic. On `Flex`, a convolution takes one of two paths:
//! - the **Winograd path** (module and crate feature `winograd`): kernel 3, stride 1, width at most
//!   128, at least 8 input and 8 output channels, at least 4 tiles of 4x4 outputs in an image and 64
//!   in a batch;
//! - the **direct path** otherwise: a sum of shifted views of zero-padded planes, without an im2col
//!   matrix.
//!
//! `winograd` is a feature of its own because it adds about 14 kB to a WASM program. A program that
//! only predicts may prefer the smaller download. `learn` switches it on, because training gains more
//! from it than the size costs.
//!
//! # Accuracy
//!
//! All sums of products are in f32. The tests allow a difference from Burn's own operations of `2e-4`
//! of the largest value, for random normal inputs. The order of additions is fixed: the same program
//! on the same type of processor gives the same bits, whatever the number of threads.
//!
//! # Limits
//!
//! - Tensors of f32, in the layout `[n, c, h, w]`.
//! - On `Flex`: square kernels of 1x1 or 3x3, stride 1 or 2, padding `(k - 1) / 2`, no dilation, one
//!   group. Any number of channels and any height and width, each at least 1. The batch may be empty.
//! - The kernels are tuned for small images (32x32 and 64x64). Larger ones are computed correctly, but
//!   each thread then holds a padded copy of a whole image (`cin * (h + 1) * (w + 1)` numbers for
//!   kernel 3 and stride 1), which may not fit in the cache.
#![allow(unsafe_code, reason = "the SIMD loops check their bounds once, before the loop")]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs, clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

#[cfg(feature = "cpu")]
mod aligned;
#[cfg(feature = "learn")]
mod autodiff;
#[cfg(feature = "cpu")]
mod conv;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod fused;
#[cfg(feature = "cpu")]
mod geometry;
#[cfg(feature = "cpu")]
mod loops;
#[cfg(feature = "cpu")]
mod norm;
pub mod ops;
#[cfg(feature = "cpu")]
mod par;
#[cfg(feature = "cpu")]
mod pool;
#[cfg(all(test, feature = "cpu"))]
mod reference;
#[cfg(feature = "cpu")]
mod shuffle;
#[cfg(feature = "cpu")]
mod simd;
#[cfg(feature = "cpu")]
pub mod winograd;

#[cfg(feature = "cpu")]
pub use self::fused::{Epilogue, Fused, InputAffine};
#[cfg(feature = "cpu")]
pub use self::geometry::Geometry;

use self::ops::FusedOps;
use burn::backend::Dispatch;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of these values, row by row. Unlike `Tensor::from_data` it contains no conversions
/// between number formats, so programs that use only this function are smaller.
///
/// # Panics
/// If the number of values is not the product of `shape`.
pub fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_dispatch(Dispatch::float_from_data(data, device.as_dispatch()))
}

/// 2-D convolution without bias, padding `(k - 1) / 2`.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `weight`: `[cout, cin, k, k]`
/// - output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// If the shapes do not fit, or on `Flex` if `k` is not 1 or 3, `stride` is not 1 or 2, the tensors
/// are not of f32, or a dimension other than `n` is 0.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    let x = x.into_dispatch();
    let weight = weight.into_dispatch();
    Tensor::from_dispatch(Dispatch::fused_conv2d(x, weight, stride))
}

/// `conv(x, weight) + skip` with stride 1 and padding `(k - 1) / 2`: the end of a residual block.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `weight`: `[cout, cin, k, k]`
/// - `skip` and output: `[n, cout, h, w]`
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_add(x: Tensor<4>, weight: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fused_conv2d_add(
        x.into_dispatch(),
        weight.into_dispatch(),
        skip.into_dispatch(),
    ))
}

/// `relu(scale[c] * x + shift[c])`: batch normalisation with fixed statistics, then ReLU. `scale`
/// and `shift` are constants: they get no gradient.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`
/// - `scale`, `shift`: `[c]`
///
/// # Panics
/// If the shapes do not fit, or on `Flex` if the tensors are not of f32 or a dimension other than
/// `n` is 0.
pub fn affine_relu(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fused_affine_relu(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
    ))
}

/// `conv(relu(scale x + shift), weight) + bias`, and ReLU after it if `relu` is true; padding `(k -
/// 1) / 2`.
///
/// With folded batch normalisations this is the first half of a pre-activation residual block.
/// `scale` and `shift` are constants: they get no gradient.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `scale`, `shift`: `[cin]`
/// - `weight`: `[cout, cin, k, k]`
/// - `bias`: `[cout]`
/// - output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// As [`conv2d`].
pub fn norm_conv2d(
    x: Tensor<4>,
    [scale, shift]: [Tensor<1>; 2],
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    relu: bool,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fused_norm_conv2d(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stride,
        relu,
    ))
}

/// Maximum over 2x2 pixels with stride 2; an odd last row or column is dropped.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`
/// - output: `[n, c, h / 2, w / 2]`
///
/// # Panics
/// On `Flex` if the tensor is not of f32.
pub fn max_pool2d(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fused_max_pool2d(x.into_dispatch()))
}

/// The result of [`batch_norm_relu`] or [`batch_norm_conv2d`].
pub struct Normalised {
    /// The output of the operation.
    pub output: Tensor<4>,
    /// The input's mean over batch and space, `[c]`. Detached: it passes no gradient on.
    pub mean: Tensor<1>,
    /// The input's biased variance over batch and space, `[c]`. Detached, like `mean`.
    pub var: Tensor<1>,
}

impl Normalised {
    /// The output's gradient accounts for the statistics; they have none of their own.
    fn new((output, mean, var): (Raw, Raw, Raw)) -> Self {
        Self {
            output: Tensor::from_dispatch(output),
            mean: Tensor::from_dispatch(mean).detach(),
            var: Tensor::from_dispatch(var).detach(),
        }
    }
}

type Raw = FloatTensor<Dispatch>;

/// Batch normalisation with the statistics of the batch, then ReLU:
/// `relu(gamma * (x - mean) / sqrt(var + eps) + beta)`.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`
/// - `gamma`, `beta`: `[c]`
///
/// # Panics
/// As [`affine_relu`].
pub fn batch_norm_relu(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, eps: f32) -> Normalised {
    let x = x.into_dispatch();
    let gamma = gamma.into_dispatch();
    let beta = beta.into_dispatch();
    Normalised::new(Dispatch::fused_batch_norm_relu(x, gamma, beta, eps))
}

/// [`batch_norm_relu`], then [`conv2d`], then `+ skip` if there is one. The normalised tensor is
/// not stored.
///
/// With a `skip` the stride is 1, whatever `stride` says.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `gamma`, `beta`: `[cin]`
/// - `weight`: `[cout, cin, k, k]`
/// - `skip` and output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// As [`conv2d`].
pub fn batch_norm_conv2d(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    eps: f32,
    weight: Tensor<4>,
    stride: usize,
    skip: Option<Tensor<4>>,
) -> Normalised {
    let x = x.into_dispatch();
    let gamma = gamma.into_dispatch();
    let beta = beta.into_dispatch();
    let weight = weight.into_dispatch();
    Normalised::new(match skip {
        Some(skip) => {
            let skip = skip.into_dispatch();
            Dispatch::fused_batch_norm_conv2d_add(x, gamma, beta, weight, skip, eps)
        }
        None => Dispatch::fused_batch_norm_conv2d(x, gamma, beta, weight, eps, stride),
    })
}
