//! The output of the program, as stored under `snapshots/`. After a wanted change, look at the difference
//! and store the new text with `INSTA_UPDATE=always cargo test --release -p unstamp-tests --test suite snapshots`.

use clap::CommandFactory;
use unstamp_tests::{fixture, run};
use unstamp_trainer::cli::Cli;

fn printed(args: &[&str]) -> String {
    let (code, text, error) = run(args);
    assert_eq!(code, 0, "{args:?}: {error}");
    text
}

#[test]
fn the_list() {
    insta::assert_snapshot!("list", printed(&["list"]));
}

/// Of every command there is, and of theirs.
#[test]
fn the_help_of_every_command() {
    let mut commands = vec![vec![]];
    for command in Cli::command().get_subcommands() {
        commands.push(vec![command.get_name().to_string()]);
        for part in command.get_subcommands() {
            commands.push(vec![command.get_name().to_string(), part.get_name().to_string()]);
        }
    }
    for command in commands {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        let name = [&["help"][..], &args].concat().join("_");
        args.push("--help");
        insta::assert_snapshot!(name, printed(&args));
    }
}

/// Of results that are kept for this test, so that new measurements do not change it.
#[test]
fn a_table() {
    let folder = fixture("results");
    let folder = folder.to_str().expect("text");
    insta::assert_snapshot!("table", printed(&["table", folder]));
    insta::assert_snapshot!("table_csv", printed(&["table", folder, "--format", "csv"]));
}
