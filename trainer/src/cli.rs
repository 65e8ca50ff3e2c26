//! The command line: the list of commands. Each command's arguments stand in its own file.

use crate::commands::{
    attention, claims, completions, craft, data, erase, eval, export, import, list, plan, poison,
    preview, publish, run, serve, stamp, table,
};
use anyhow::Result;
use clap::{Parser, Subcommand};
use clap_verbosity_flag::{LogLevel, Verbosity, VerbosityFilter};

/// Plants backdoors in image classifiers, measures them, and erases them.
#[derive(Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// The chosen command.
    #[command(subcommand)]
    pub command: Command,
    /// How much the program says on standard error.
    #[command(flatten)]
    pub verbosity: Verbosity<Usual>,
}

/// How much the program says without `-q` and `-v`: progress, epochs and warnings.
#[derive(Clone, Copy, Debug)]
pub struct Usual;

impl LogLevel for Usual {
    fn default_filter() -> VerbosityFilter {
        VerbosityFilter::Info
    }

    fn verbose_help() -> Option<&'static str> {
        Some("Say more: device, data, checkpoints; -vv: what libraries say too")
    }

    fn verbose_long_help() -> Option<&'static str> {
        None
    }

    fn quiet_help() -> Option<&'static str> {
        Some("Say only warnings and faults; -qq: only faults")
    }

    fn quiet_long_help() -> Option<&'static str> {
        None
    }
}

/// A command with its arguments.
#[derive(Subcommand)]
pub enum Command {
    /// List data sets, attacks, defences and architectures, with every parameter
    List(list::ListArgs),
    /// Download or check a data set
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Train a victim on poisoned data
    Poison(poison::PoisonArgs),
    /// Use a clean model to make the artefact that trojan or clean_label needs
    Craft(craft::CraftArgs),
    /// Erase a backdoor with a defence
    Erase(erase::EraseArgs),
    /// Measure ACC, ASR, floor and RA of a model
    Eval(eval::EvalArgs),
    /// Show what a model predicts for an image, and its attention maps
    Attention(attention::AttentionArgs),
    /// Put one trigger on one picture
    Stamp(stamp::StampArgs),
    /// Draw each attack: clean image, triggered image, amplified difference
    Preview(preview::PreviewArgs),
    /// Run whole recipes; continues where it stopped
    Run(run::RunArgs),
    /// Print the results in a folder
    Table(table::TableArgs),
    /// Print which claims of the papers the results support
    Claims(claims::ClaimsArgs),
    /// Measure what each group of layers costs in a training step
    Plan(plan::PlanArgs),
    /// Turn a PyTorch checkpoint into safetensors
    Import(import::ImportArgs),
    /// Write a model for other runtimes
    Export(export::ExportArgs),
    /// Put finished models where the page finds them
    Publish(publish::PublishArgs),
    /// Serve the built site on loopback
    Serve(serve::ServeArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(completions::ManArgs),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// A [`crate::Usage`] error for wrong arguments, another error for a failure.
    pub fn run(self) -> Result<()> {
        match self {
            Command::List(args) => list::list(&args),
            Command::Data(command) => data::data(&command),
            Command::Poison(args) => poison::poison(&args),
            Command::Craft(args) => craft::craft(&args),
            Command::Erase(args) => erase::erase(&args),
            Command::Eval(args) => eval::eval(&args),
            Command::Attention(args) => attention::attention(&args),
            Command::Stamp(args) => stamp::stamp(&args),
            Command::Preview(args) => preview::preview(&args),
            Command::Run(args) => run::run(&args),
            Command::Table(args) => table::table(&args),
            Command::Claims(args) => claims::claims(&args),
            Command::Plan(args) => plan::plan(&args),
            Command::Import(args) => import::import(&args),
            Command::Export(args) => export::export(&args),
            Command::Publish(args) => publish::publish(&args),
            Command::Serve(args) => serve::serve(&args),
            Command::Completions(args) => completions::completions(&args),
            Command::Man(args) => completions::man(&args),
        }
    }
}
