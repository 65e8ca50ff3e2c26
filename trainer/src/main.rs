//! `unstamp`: plant a backdoor, measure it, erase it, publish it.

use clap::Parser;
use std::process::ExitCode;
use unstamp_trainer::Usage;
use unstamp_trainer::cli::Cli;

// Training allocates and frees large tensors all the time. The system's allocator returns each to the
// kernel, and every new tensor costs page faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // When a reader stops early (`unstamp list | head`), the program ends without a panic.
    sigpipe::reset();
    let command = Cli::parse().command;
    // The command runs in one of the kernels' threads: a thread outside of the pool would have to wake
    // one for every operation.
    match rayon::scope(|_| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unstamp: {error:#}");
            ExitCode::from(if error.downcast_ref::<Usage>().is_some() { 2 } else { 1 })
        }
    }
}
