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
//! | 4 | [`job`], [`defences`], [`evaluate`] |
//! | 5 | [`recipe`], [`result`], [`manifest`], [`catalog`] |
#![recursion_limit = "256"]

pub mod attacks;
pub mod attention;
pub mod catalog;
pub mod datasets;
pub mod defences;
pub mod evaluate;
pub mod image;
pub mod job;
pub mod kernels;
pub mod manifest;
pub mod method;
pub mod metrics;
pub mod model;
pub mod objectives;
pub mod poison;
pub mod recipe;
pub mod result;
pub mod seed;

pub use burn::tensor::Device;
