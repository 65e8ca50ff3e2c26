//! The CPU engine that only predicts. The page starts it first.

use unstamp_web as _;

fn main() {}
