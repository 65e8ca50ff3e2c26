//! The program `engine_learn` for browsers that have relaxed SIMD (fused multiply-adds).

use unstamp_web as _;

fn main() {}
