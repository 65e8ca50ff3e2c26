//! What the programs of the page share: the messages between them, and the engine.
#![recursion_limit = "256"]

#[cfg(any(feature = "cpu", feature = "gpu"))]
pub mod engine;
pub mod messages;
