//! Everything that Unstamp computes, natively and in WASM, as one crate for trainer and page.
//!
//! The crates below `shared/` hold the code; each one depends only on those above it in this table.
//! None of them opens a file, reads a clock, prints, or keeps a global random generator.
//!
//! | crate | what it holds | feature |
//! |---|---|---|
//! | `unstamp-data` | images, triggers, poisoned data sets, measures | always |
//! | `burn-fused-conv` | convolution kernels for Burn; knows nothing of Unstamp | `tensors` |
//! | `unstamp-networks` | networks, weights, attention maps, evaluation | `tensors` |
//! | `unstamp-experiments` | losses, training jobs, defences, recipes, results | `learn` |

pub use unstamp_data::*;
#[cfg(feature = "learn")]
pub use unstamp_experiments::*;
#[cfg(feature = "tensors")]
pub use unstamp_networks::*;

#[cfg(feature = "tensors")]
pub use burn_fused_conv as kernels;
// Both crates have a module of this name; the one of the networks holds the other.
#[cfg(feature = "tensors")]
pub use unstamp_networks::self_test;
