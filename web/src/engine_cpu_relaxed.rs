//! The program `engine_cpu` for browsers that have relaxed SIMD (fused multiply-adds).
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
