//! The code that the programs of the page share: the messages between them, and the engine. The functions
//! that JavaScript calls stand here, so a program of an engine only has to name this crate. Here too is what reads
//! bytes of strangers for the page, links and files, so that the fuzzer can call it.
#![recursion_limit = "256"]

#[cfg(any(feature = "cpu", feature = "gpu"))]
pub mod engine;
pub mod messages;
#[cfg(feature = "paint")]
pub mod png;
pub mod state;
