//! `unstamp`: plant a backdoor, measure it, erase it, publish it.

use clap::Parser;
use log::LevelFilter;
use std::io::Write;
use std::process::ExitCode;
use unstamp_trainer::Usage;
use unstamp_trainer::cli::Cli;

// Training allocates and frees large tensors all the time. The system's allocator returns each to the
// kernel, and every new tensor costs page faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Prints messages of the program up to this level on standard error, as plain lines. Libraries say something only
/// where more than `--verbose` is asked for.
fn say(level: LevelFilter) {
    let libraries = if level == LevelFilter::Trace { LevelFilter::Info } else { LevelFilter::Off };
    env_logger::Builder::new()
        .filter_level(libraries)
        .filter_module("unstamp_trainer", level)
        .format(|line, record| writeln!(line, "{}", record.args()))
        .init();
}

fn main() -> ExitCode {
    // When a reader stops early (`unstamp list | head`), the program ends without a panic.
    sigpipe::reset();
    let Cli { command, verbosity } = Cli::parse();
    say(verbosity.log_level_filter());
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
