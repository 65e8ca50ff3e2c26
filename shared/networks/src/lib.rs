//! Networks as data, their weights, attention maps, and evaluation.
//!
//! Without features this crate predicts; `learn` adds the networks that can be trained.
#![recursion_limit = "256"]

pub mod attention;
pub mod batches;
pub mod evaluate;
pub mod model;
pub mod self_test;
#[cfg(test)]
mod testing;

pub use burn::tensor::Device;
