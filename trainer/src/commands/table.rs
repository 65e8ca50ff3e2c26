//! `unstamp table`: print the results in a folder.

use crate::table::{self as tables, Along};
use crate::usage;
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use unstamp_shared::result::CellResult;

/// Forms of a table.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Md,
    Csv,
    Json,
    /// A figure: ACC over ASR
    Svg,
}

/// Arguments of `unstamp table`.
#[derive(Args)]
pub struct TableArgs {
    /// Folder of results
    folder: PathBuf,
    /// The recipe of the results; cells that it shares with other recipes are taken from the folders
    /// beside FOLDER
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Form of the table
    #[arg(long, default_value = "md")]
    format: Format,
    /// ASR by the true class of the triggered images instead (NAD figure 10)
    #[arg(long, conflicts_with = "format")]
    per_class: bool,
    /// ACC and ASR after every epoch, and along a curve between models, as CSV instead (NAD figures
    /// 7 and 13)
    #[arg(long, conflicts_with_all = ["format", "per_class"])]
    curves: bool,
    /// With --format svg: ACC and ASR along the share of `clean` data, a parameter, `epoch`, or `t` on
    /// mode connectivity's curve
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["per_class", "curves", "into"])]
    along: Option<String>,
    /// Put the table into this document, between `<!-- table RECIPE -->` and `<!-- end -->`
    #[arg(long, value_name = "FILE.md", conflicts_with_all = ["format", "per_class", "curves"])]
    into: Option<PathBuf>,
}

impl TableArgs {
    fn results(&self) -> Result<Vec<CellResult>> {
        let Some(recipe) = &self.recipe else { return tables::results(&self.folder) };
        let folder = std::fs::canonicalize(&self.folder)
            .with_context(|| format!("cannot list {}", self.folder.display()))?;
        let found = tables::all_results(folder.parent().unwrap_or(&folder))?;
        let results = tables::results_of(&tables::read_recipe(recipe)?, &found);
        ensure!(!results.is_empty(), "there are no results of {}", recipe.display());
        Ok(results)
    }
}

/// Prints the results in a folder, or puts them into a document.
///
/// # Errors
/// The folder holds no results, or the document has no place for them.
pub fn table(args: &TableArgs) -> Result<()> {
    let results = args.results()?;
    if args.per_class {
        print!("{}", tables::per_class(&results));
        return Ok(());
    }
    if args.curves {
        print!("{}", tables::curves(&results)?);
        return Ok(());
    }
    if let Some(document) = &args.into {
        return tables::rewrite(document, |text| tables::placed(text, &results));
    }
    if let Some(what) = &args.along {
        if args.format != Format::Svg {
            return Err(usage("--along draws a figure: give --format svg too"));
        }
        print!("{}", tables::along(&results, &Along::from(what.as_str()))?);
        return Ok(());
    }
    match args.format {
        Format::Md => print!("{}", tables::markdown(&results)),
        Format::Csv => print!("{}", tables::csv(&results)?),
        Format::Svg => print!("{}", tables::tradeoff(&results)?),
        Format::Json => println!("{}", serde_json::to_string_pretty(&results)?),
    }
    Ok(())
}
