//! `unstamp completions` and `unstamp man`: files for a shell and for `man`.

use crate::cli::Cli;
use crate::files;
use anyhow::{Context, Result};
use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::{Path, PathBuf};

/// Arguments of `unstamp completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Arguments of `unstamp man`.
#[derive(Args)]
pub struct ManArgs {
    /// Write a page for every command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The name of the program.
const NAME: &str = "unstamp";

/// Exit codes, with their meaning.
const EXIT_CODES: [(&str, &str); 3] = [
    ("0", "The command did what it was asked to do."),
    (
        "1",
        "A failure: a file is missing or broken, a training diverged. Standard error says which.",
    ),
    ("2", "Wrong use: an option, a name or a value that does not exist."),
];

/// Prints the completions of a shell.
///
/// # Errors
/// None; commands return a result.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut text = Vec::new();
    generate(args.shell, &mut Cli::command(), NAME, &mut text);
    print!("{}", String::from_utf8_lossy(&text));
    Ok(())
}

/// The page of a command, with the exit codes.
fn page(command: Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text).context("the page cannot be made")?;
    let mut codes = Roff::new();
    codes.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        codes.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
    codes.to_writer(&mut text).context("the page cannot be made")?;
    Ok(text)
}

/// Writes the page of a command and those of its own commands. `name` has hyphens for spaces.
fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<()> {
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        write_pages(part, &format!("{name}-{}", part.get_name()), folder)?;
    }
    let command = command.clone().display_name(name.to_string()).name(name.to_string());
    files::write(&folder.join(format!("{name}.1")), &page(command)?)
}

/// Prints the manual page of the program, or writes those of all commands.
///
/// # Errors
/// A file cannot be written.
pub fn man(args: &ManArgs) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    match &args.out {
        None => print!("{}", String::from_utf8_lossy(&page(command)?)),
        Some(folder) => {
            write_pages(&command, NAME, folder)?;
            println!("{}", folder.display());
        }
    }
    Ok(())
}
