//! The CPU engine that also trains. The page starts it when a visitor first erases a backdoor.
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
