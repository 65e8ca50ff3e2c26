//! `engine_learn` for browsers that have fused multiply-adds.
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
