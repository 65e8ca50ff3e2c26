//! The CPU engine that also trains. The page starts it when a visitor first erases a backdoor.

use unstamp_web as _;

fn main() {}
