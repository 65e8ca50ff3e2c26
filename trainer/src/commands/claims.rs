//! `unstamp claims`: which claims of the papers the results support.

use crate::claims::{Claims, markdown, placed};
use crate::files;
use crate::table::rewrite;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `unstamp claims`.
#[derive(Args)]
pub struct ClaimsArgs {
    /// The list of claims
    #[arg(default_value = "trainer/claims.toml")]
    claims: PathBuf,
    /// Folder of the recipes that test the claims
    #[arg(long, value_name = "DIR", default_value = "trainer/recipes")]
    recipes: PathBuf,
    /// Folder with a folder of results for each recipe
    #[arg(long, value_name = "DIR", default_value = "trainer/results")]
    results: PathBuf,
    /// Put the table into this document, between `<!-- claims -->` and `<!-- end -->`
    #[arg(long, value_name = "FILE.md")]
    into: Option<PathBuf>,
}

/// Prints the table of claims, or puts it into a document.
///
/// # Errors
/// A claim names something that does not exist, a file cannot be read, or the document has no place for
/// the table.
pub fn claims(args: &ClaimsArgs) -> Result<()> {
    let claims = Claims::parse(&files::text(&args.claims)?)
        .with_context(|| args.claims.display().to_string())?;
    let findings = claims.findings(&args.recipes, &args.results)?;
    match &args.into {
        None => print!("{}", markdown(&findings)),
        Some(document) => rewrite(document, |text| placed(text, &findings))?,
    }
    Ok(())
}
