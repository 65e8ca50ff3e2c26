//! The CPU engine that only predicts. The page starts it first.
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
