//! The CPU engine with all that trains. It is loaded when a visitor first erases a backdoor.
#![recursion_limit = "256"]

mod engine;
mod messages;

fn main() {}
