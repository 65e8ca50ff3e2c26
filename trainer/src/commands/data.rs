//! `unstamp data`: download and check data sets.

use crate::args::SourceArgs;
use crate::data::{self, fetch};
use crate::open_model::load_data;
use crate::usage;
use anyhow::Result;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use unstamp_shared::datasets::Split;

/// Commands of `unstamp data`.
#[derive(Subcommand)]
pub enum DataCommand {
    /// Download a data set from its official address (cifar10, gtsrb)
    Fetch {
        /// cifar10 or gtsrb
        dataset: String,
        /// Folder to put it in
        #[arg(long, default_value = "data")]
        out: PathBuf,
    },
    /// Read a data set and print what it holds
    Info(SourceArgs),
}

/// Downloads a data set, or prints what one holds.
///
/// # Errors
/// The data set is not known, cannot be downloaded, or cannot be read.
pub fn data(command: &DataCommand) -> Result<()> {
    match command {
        DataCommand::Fetch { dataset, out } => fetch_all(dataset, out),
        DataCommand::Info(source) => print_info(source),
    }
}

fn fetch_all(dataset: &str, out: &Path) -> Result<()> {
    data::info(dataset).map_err(usage)?;
    for download in fetch::official(dataset).map_err(usage)? {
        println!("{}", fetch::fetch(&download, out)?.display());
    }
    Ok(())
}

fn print_info(source: &SourceArgs) -> Result<()> {
    let set = load_data(source)?;
    println!(
        "{}: {} classes, {}x{} pixels",
        set.info.title,
        set.class_names.len(),
        set.train.width,
        set.train.height
    );
    println!("{:<30} {:>8} {:>8}", "class", "train", "test");
    for (class, name) in set.class_names.iter().enumerate() {
        let train = images_of(class, &set.train);
        let test = images_of(class, &set.test);
        println!("{name:<30} {train:>8} {test:>8}");
    }
    println!("{:<30} {:>8} {:>8}", "all", set.train.len(), set.test.len());
    Ok(())
}

fn images_of(class: usize, split: &Split) -> usize {
    split.labels.iter().filter(|label| usize::from(**label) == class).count()
}
