//! Unstamp's core: triggers, poisoning, networks, attention, objectives, defences, evaluation.
//!
//! Compiled natively and to WASM. Pure: no files, clock, printing or global random generator.
//! Every module stands only on those before it.
//!
//! | level | modules |
//! |---|---|
//! | 0 | [`image`], [`heat`], [`sprite`], [`seed`], [`method`], [`metrics`], [`datasets`] |
//! | 1 | [`attacks`], [`poison`] |
//! | 2 | [`kernels`], [`model`] |
//! | 3 | [`attention`], [`objectives`], [`craft`], [`evaluate`] |
//! | 4 | [`job`], [`defences`], [`probe`], [`gradient`] |
//! | 5 | [`recipe`], [`result`], [`manifest`], [`catalog`] |
//!
//! Features: without any, only what needs no Burn is there (levels 0 and 1 and the manifest, which
//! the page's user interface stands on); `tensors` (switched on by `cpu` and `wgpu`) adds what
//! predicts, which the page's first engine is; `learn` adds what trains.
#![recursion_limit = "256"]

pub mod attacks;
pub mod datasets;
mod filter;
pub mod heat;
pub mod image;
pub mod manifest;
pub mod method;
pub mod metrics;
pub mod poison;
pub mod seed;
pub mod sprite;

#[cfg(feature = "tensors")]
pub mod attention;
#[cfg(feature = "learn")]
pub mod catalog;
#[cfg(feature = "learn")]
pub mod craft;
#[cfg(feature = "learn")]
pub mod defences;
#[cfg(feature = "tensors")]
pub mod evaluate;
#[cfg(feature = "tensors")]
pub mod golden;
#[cfg(feature = "learn")]
pub mod gradient;
#[cfg(feature = "learn")]
pub mod job;
#[cfg(feature = "tensors")]
pub mod kernels;
#[cfg(feature = "tensors")]
pub mod model;
#[cfg(feature = "learn")]
pub mod objectives;
#[cfg(feature = "tensors")]
pub mod probe;
#[cfg(feature = "learn")]
pub mod pseudo;
#[cfg(feature = "learn")]
pub mod recipe;
#[cfg(feature = "learn")]
pub mod result;

#[cfg(feature = "tensors")]
pub use burn::tensor::Device;

/// A result that comes later: reading from a device is not blocking in a browser.
#[cfg(feature = "learn")]
pub type Later<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;
