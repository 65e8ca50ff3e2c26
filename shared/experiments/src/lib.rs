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
pub mod result;

/// A result that comes later: reading from a device is not blocking in a browser.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;
