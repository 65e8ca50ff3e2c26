//! Results from files.

use crate::{files, usage};
use anyhow::{Context, Result, ensure};
use std::cmp::Ordering;
use std::path::Path;
use unstamp_shared::recipe::Recipe;
use unstamp_shared::result::CellResult;

/// All result files in a folder, in the order of the files' names.
fn in_folder(folder: &Path) -> Result<Vec<CellResult>> {
    let list = || -> std::io::Result<Vec<_>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut paths = list().with_context(|| format!("cannot list {}", folder.display()))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        CellResult::from_json(&files::read(path)?)
            .with_context(|| format!("{} is no result of this version", path.display()))
    };
    paths.iter().map(read).collect()
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

/// A recipe, and the results of its cells in the folders below `all`, each named like a recipe. Where
/// recipes share a cell, its result may lie in the folder of any of them.
///
/// # Errors
/// The recipe cannot be read, or a file is no result of this version.
pub fn results_of(recipe: &Path, all: &Path) -> Result<(Recipe, Vec<CellResult>)> {
    let text = files::text(recipe)?;
    let parsed = Recipe::parse(&text).map_err(|e| usage(format!("{}: {e}", recipe.display())))?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(all).with_context(|| format!("cannot list {}", all.display()))? {
        let folder = entry?.path();
        if folder.is_dir() {
            found.extend(in_folder(&folder)?);
        }
    }
    let mut results = Vec::new();
    for cell in parsed.cells() {
        let hash = cell.hash();
        // The recipe's own result comes first.
        let of_cell = found.iter().filter(|result| result.cell_hash == hash);
        let Some(result) = of_cell.max_by_key(|result| result.recipe == parsed.name) else {
            continue;
        };
        results.push(CellResult {
            recipe: parsed.name.clone(),
            recipe_hash: parsed.hash(),
            cell: cell.name(),
            erasure: cell.erasure,
            ..result.clone()
        });
    }
    sort(&mut results);
    Ok((parsed, results))
}
