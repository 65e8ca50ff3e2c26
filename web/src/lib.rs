//! The code that the programs of the page share: the messages between them, and the engine. The functions
//! that JavaScript calls stand here, so a program of an engine only has to name this crate.
#![recursion_limit = "256"]

#[cfg(any(feature = "cpu", feature = "gpu"))]
pub mod engine;
pub mod messages;
