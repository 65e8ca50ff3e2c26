//! Unstamp's core: triggers, poisoning, networks, attention, objectives, defences, evaluation.
//!
//! Compiled natively and to WASM. Pure: no files, clock, printing or global random generator.
//! Every module stands only on those before it.
//!
//! | level | modules |
//! |---|---|
//! | 0 | [`image`], [`seed`], [`method`], [`metrics`], [`datasets`] |
//! | 1 | [`attacks`], [`poison`] |
//! | 2 | [`kernels`], [`model`] |
//! | 3 | [`attention`], [`objectives`] |
//! | 4 | [`job`], [`defences`], [`evaluate`], [`probe`] |
//! | 5 | [`recipe`], [`result`], [`manifest`], [`catalog`] |
//!
//! Without the feature `tensors` (switched on by `cpu` and `wgpu`) only what needs no Burn is there:
//! levels 0 and 1 and the manifest, which the page's user interface stands on.
#![recursion_limit = "256"]

pub mod attacks;
pub mod datasets;
pub mod image;
pub mod manifest;
pub mod method;
pub mod metrics;
pub mod poison;
pub mod seed;

#[cfg(feature = "tensors")]
pub mod attention;
#[cfg(feature = "tensors")]
pub mod catalog;
#[cfg(feature = "tensors")]
pub mod defences;
#[cfg(feature = "tensors")]
pub mod evaluate;
#[cfg(feature = "tensors")]
pub mod golden;
#[cfg(feature = "tensors")]
pub mod job;
#[cfg(feature = "tensors")]
pub mod kernels;
#[cfg(feature = "tensors")]
pub mod model;
#[cfg(feature = "tensors")]
pub mod objectives;
#[cfg(feature = "tensors")]
pub mod probe;
#[cfg(feature = "tensors")]
pub mod recipe;
#[cfg(feature = "tensors")]
pub mod result;

#[cfg(feature = "tensors")]
pub use burn::tensor::Device;
