//! `unstamp`: plant a backdoor, measure it, erase it, publish it.

use clap::Parser;
use std::process::ExitCode;
use unstamp_trainer::Usage;
use unstamp_trainer::cli::{Cli, Command};
use unstamp_trainer::commands;

// Training allocates and frees large tensors all the time; the system's allocator gives each
// back to the kernel and takes the page faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A reader that stops early (`unstamp list | head`) ends the program, not in a panic.
    sigpipe::reset();
    let command = Cli::parse().command;
    // In one of the kernels' threads: what computes need not be woken for every operation.
    match rayon::scope(|_| run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unstamp: {error:#}");
            ExitCode::from(if error.downcast_ref::<Usage>().is_some() { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(args) => commands::list(args),
        Command::Data(args) => commands::data(args),
        Command::Poison(args) => commands::poison(args),
        Command::Craft(args) => commands::craft(args),
        Command::Erase(args) => commands::erase(args),
        Command::Eval(args) => commands::eval(args),
        Command::Attention(args) => commands::attention(args),
        Command::Stamp(args) => commands::stamp(args),
        Command::Preview(args) => commands::preview(args),
        Command::Run(args) => commands::run(args),
        Command::Table(args) => commands::table(args),
        Command::Import(args) => commands::import(args),
        Command::Publish(args) => commands::publish(args),
        Command::Export(args) => commands::export(args),
        Command::Serve(args) => commands::serve(args),
    }
}
