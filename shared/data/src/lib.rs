//! Images, triggers, poisoned data sets and measures. Needs no tensors.
//!
//! The page's user interface is built from this crate alone, so a trigger follows the pointer
//! without a network.

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
pub mod self_test;
pub mod settings;
pub mod sprite;
