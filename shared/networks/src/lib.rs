//! Networks, their weights, what they attend to, and how they are evaluated.
//!
//! Without features this crate predicts; `learn` adds the networks that can be trained.
#![recursion_limit = "256"]

pub mod attention;
pub mod batches;
pub mod evaluate;
pub mod model;
pub mod self_test;

pub use burn::tensor::Device;
