//! Results from files.

use crate::{files, usage};
use anyhow::{Context, Result, ensure};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::result::CellResult;

/// All result files in a folder, in the order of the files' names.
fn in_folder(folder: &Path) -> Result<Vec<CellResult>> {
    let paths = files::list(folder)?;
    let is_result = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let read = |path: &PathBuf| {
        CellResult::from_json(&files::read(path)?)
            .with_context(|| format!("{} is no result of this version", path.display()))
    };
    paths.iter().filter(is_result).map(read).collect()
}

/// All results in the folders inside of `all`.
///
/// # Errors
/// A folder cannot be listed, or a file is no result of this version.
pub fn all_results(all: &Path) -> Result<Vec<CellResult>> {
    let mut found = Vec::new();
    for folder in files::list(all)?.iter().filter(|path| path.is_dir()) {
        found.extend(in_folder(folder)?);
    }
    Ok(found)
}

/// Every result file in a folder, in the order of seed, model and defence.
///
/// # Errors
/// The folder cannot be listed, holds no result, or a file is no result of this version.
pub fn results(folder: &Path) -> Result<Vec<CellResult>> {
    let mut results = in_folder(folder)?;
    ensure!(
        !results.is_empty(),
        "{} holds no results; make some with unstamp run",
        folder.display()
    );
    sort(&mut results);
    Ok(results)
}

fn sort(results: &mut [CellResult]) {
    results.sort_by(|a, b| place(a).partial_cmp(&place(b)).unwrap_or(Ordering::Equal));
}

/// The sort key of a result: a victim stands before its erasures, and the settings of one entry are in
/// the order of their values.
fn place(r: &CellResult) -> impl PartialOrd {
    let erasure = r.erasure.as_ref().map(|e| (e.entry(), e.clean, &e.set));
    (r.seed, &r.victim.id, erasure, &r.cell)
}

/// Reads a recipe.
///
/// # Errors
/// The file cannot be read, or the recipe is wrong.
pub fn read_recipe(path: &Path) -> Result<Recipe> {
    let text = files::text(path)?;
    Recipe::parse(&text).map_err(|e| usage(format!("{}: {e}", path.display())))
}

/// The results of a recipe's cells among `found`, with the names that the recipe has for them. Where recipes
/// share a cell, the result may be that of any of them.
pub fn results_of(recipe: &Recipe, found: &[CellResult]) -> Vec<CellResult> {
    let result = |cell: Cell| {
        let hash = cell.hash();
        let of_cell = found.iter().filter(|result| result.cell_hash == hash);
        // The recipe's own result comes first.
        let result = of_cell.max_by_key(|result| result.recipe == recipe.name)?;
        Some(CellResult {
            recipe: recipe.name.clone(),
            recipe_hash: recipe.hash(),
            cell: cell.name(),
            erasure: cell.erasure,
            ..result.clone()
        })
    };
    let mut results: Vec<CellResult> = recipe.cells().into_iter().filter_map(result).collect();
    sort(&mut results);
    results
}
