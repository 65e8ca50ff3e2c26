//! `unstamp publish`: put finished models where the page finds them.

use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `unstamp publish`.
#[derive(Args)]
pub struct PublishArgs {
    /// Folders of finished runs
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Folder for models and manifest
    #[arg(long, default_value = "static/models")]
    out: PathBuf,
}

/// Writes the models of finished runs and their manifest.
///
/// # Errors
/// A folder holds no results, or two runs have a cell of the same name.
pub fn publish(args: &PublishArgs) -> Result<()> {
    let runs: Vec<&Path> = args.runs.iter().map(AsRef::as_ref).collect();
    let manifest = crate::publish::publish(&runs, &args.out)?;
    println!("{} models in {}", manifest.models.len(), args.out.display());
    Ok(())
}
