//! The program `engine_cpu` for browsers that have relaxed SIMD (fused multiply-adds).

use unstamp_web as _;

fn main() {}
