//! The CPU engine. It answers first, and only predicts.
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
