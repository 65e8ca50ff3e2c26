//! Losses, training jobs, defences and experiments.
#![recursion_limit = "256"]

pub mod adversarial;
pub mod catalog;
pub mod craft;
pub mod defences;
pub mod job;
pub mod objectives;
pub mod pseudo;
pub mod recipe;
pub mod rescale;
pub mod result;
#[cfg(test)]
mod testing;

/// A boxed future. Reading from a device takes one, because code in a browser must not block.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;
