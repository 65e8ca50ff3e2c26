//! Fused convolution, batch normalisation and ReLU for [Burn](https://burn.dev), with own kernels
//! for Burn's CPU backend (`Flex`), native and WASM.
//!
//! The functions take and return feature maps ([`Maps`]), which are Burn tensors in the order of numbers that
//! the device computes with: on `Flex` with channels last. Each function replaces a group of Burn operations:
//!
//! | function | computes |
//! |---|---|
//! | [`conv2d`] | `conv(x, w)` |
//! | [`conv2d_with_statistics`] | `conv(x, w)`, and its mean and variance for a normalisation |
//! | [`conv2d_add`] | `conv(x, w) + skip` |
//! | [`affine_relu`] | `relu(scale x + shift)` |
//! | [`norm_conv2d`] | `conv(relu(scale x + shift), w) + bias`, and ReLU after it on request |
//! | [`batch_norm_relu`] | `relu(batch_norm(x))` with batch statistics |
//! | [`batch_norm_conv2d`] | `conv(relu(batch_norm(x)), w)`, and `+ skip` on request |
//! | [`max_pool2d`] | the maximum over 2x2 pixels |
//!
//! The tensors between the parts of a group are not stored.
//!
//! # Example
//!
#![cfg_attr(feature = "cpu", doc = "```")]
#![cfg_attr(not(feature = "cpu"), doc = "```ignore")]
//! use burn::tensor::{Device, Tensor};
//! use burn_fused_conv::{Maps, conv2d_add, norm_conv2d};
//!
//! // One residual block with folded batch normalisation.
//! let device = Device::flex();
//! let x = Maps::new(Tensor::ones([1, 8, 6, 5], &device));
//! let weight = Tensor::<4>::ones([8, 8, 3, 3], &device) * 0.01;
//! let scale = Tensor::<1>::ones([8], &device);
//! let shift = Tensor::<1>::zeros([8], &device);
//! let bias = Tensor::<1>::zeros([8], &device);
//!
//! let hidden = norm_conv2d(x.clone(), [scale, shift], weight.clone(), bias, 1, true);
//! let y = conv2d_add(hidden, weight, x);
//! assert_eq!(y.into_tensor().dims(), [1, 8, 6, 5]);
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
//! On any other backend the functions panic. On `Flex`, a convolution takes one of two algorithms:
//! - **Winograd's** (module and crate feature `winograd`): kernel 3, stride 1, at least 8 input and 8 output
//!   channels, at most half as many products as the definition has, and at least 16 tiles of 4x4 outputs in a batch
//!   (256 where the transformed kernels do not stay in the cache);
//! - **sums of products** otherwise (module `conv::direct`), without an im2col matrix.
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
//! - Tensors of f32.
//! - On `Flex`: square kernels of 1x1 or 3x3, stride 1 or 2, padding `(k - 1) / 2`, no dilation, one
//!   group. Any number of channels and any height and width, each at least 1. The batch may be empty.
//! - Numbers of channels that are no multiple of a vector (16 numbers with AVX-512, 8 with AVX2, 4 with NEON and
//!   WASM) are computed correctly, but the rest of the last vector is unused.
//! - The kernels are tuned for small images (32x32 and 64x64). Larger ones are computed correctly, but
//!   without Winograd each thread then holds a padded copy of a whole image (`cin * (h + 2) * (w + 2)` numbers
//!   for kernel 3), which may not fit in the cache.
//! - A thread keeps up to 32 MiB of working memory for the next operation.
#![allow(unsafe_code, reason = "the SIMD loops check their bounds once, before the loop")]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs, clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

#[cfg(feature = "learn")]
mod autodiff;
#[cfg(feature = "cpu")]
mod border;
#[cfg(feature = "cpu")]
mod buffer;
#[cfg(feature = "cpu")]
mod conv;
mod defaults;
#[cfg(feature = "cpu")]
mod flex;
mod functions;
#[cfg(feature = "cpu")]
mod fused;
#[cfg(feature = "cpu")]
mod geometry;
#[cfg(feature = "cpu")]
mod layout;
mod maps;
#[cfg(feature = "cpu")]
mod norm;
pub mod ops;
#[cfg(feature = "cpu")]
mod par;
#[cfg(feature = "cpu")]
mod pool;
#[cfg(feature = "cpu")]
mod product;
#[cfg(all(test, feature = "cpu"))]
mod reference;
#[cfg(feature = "cpu")]
mod simd;
#[cfg(feature = "cpu")]
mod values;
#[cfg(feature = "cpu")]
mod winograd;

pub use self::functions::{
    affine_relu, batch_norm_conv2d, batch_norm_relu, conv2d, conv2d_add, conv2d_with_statistics,
    max_pool2d, multiply_adds, norm_conv2d,
};
pub use self::maps::{Maps, Statistics};

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

type Raw = FloatTensor<Dispatch>;
