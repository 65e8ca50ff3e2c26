//! The cells of a recipe, run by one process or shared by several.

use crate::cell::CellRunner;
use crate::table;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::result::CellResult;

/// Time between two looks at cells that other processes work on.
const PAUSE: Duration = Duration::from_secs(2);

/// A process among several that share a results folder. It begins with its own part of the cells and
/// then helps with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of the process, from 0.
    index: usize,
    /// Number of processes.
    count: usize,
}

/// A text is not a part of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a part such as 2/3: the second of three processes")]
pub struct ShardError(String);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parse = || {
            let (number, count) = text.split_once('/')?;
            let number: usize = number.parse().ok()?;
            let count = count.parse().ok()?;
            let index = number.checked_sub(1)?;
            (index < count).then_some(Self { index, count })
        };
        parse().ok_or_else(|| ShardError(text.to_string()))
    }
}

impl Shard {
    /// The only process.
    pub const ONLY: Self = Self { index: 0, count: 1 };

    /// The order in which the process runs `cells`, as indices. A victim and its erasures are one part.
    fn order(self, cells: &[Cell]) -> Vec<usize> {
        let mut part = 0;
        let mut parts = Vec::new();
        for (i, cell) in cells.iter().enumerate() {
            part += usize::from(i > 0 && cell.erasure.is_none());
            parts.push(part);
        }
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by_key(|i| parts[*i] % self.count != self.index);
        order
    }
}

/// The state of a campaign in one process.
struct Campaign<'a> {
    cells: &'a [Cell],
    /// Results by cell; `None` if the cell is not finished.
    results: Vec<Option<CellResult>>,
    /// Names of the erasures that failed.
    failed: Vec<String>,
}

impl Campaign<'_> {
    fn is_finished(&self, cell: &Cell) -> bool {
        let name = cell.name();
        self.results.iter().flatten().any(|result| result.cell == name)
    }

    /// Whether the models that a cell starts from or is made with are finished.
    fn is_ready(&self, cell: &Cell) -> bool {
        let surrogate = cell.surrogate_cell();
        let victim = cell.erasure.as_ref().map(|_| cell.victim_cell());
        surrogate.iter().chain(&victim).all(|needed| self.is_finished(needed))
    }

    /// Runs those cells of `open` that are ready and free, and returns the others. A defence that fails
    /// does not stop the other cells, because they do not need its model; a victim that fails does.
    fn round(&mut self, open: &[usize], runner: &CellRunner, folder: &Path) -> Result<Vec<usize>> {
        let mut left = Vec::new();
        for &index in open {
            let cell = &self.cells[index];
            if !self.is_ready(cell) {
                left.push(index);
                continue;
            }
            let run = runner.run_if_free(cell, folder);
            match run.with_context(|| format!("cell {}", cell.name())) {
                Err(error) if cell.erasure.is_some() => {
                    log::error!("unstamp: {error:#}");
                    self.failed.push(cell.name());
                }
                Err(error) => return Err(error),
                Ok(None) => left.push(index),
                Ok(result) => self.results[index] = result,
            }
        }
        Ok(left)
    }
}

/// Runs the cells of a recipe and prints their table. Cells that another process works on are waited
/// for; if that process ends without a result, this one takes them over.
///
/// # Errors
/// A victim or an erasure fails.
pub fn run_cells(recipe: &Recipe, runner: &CellRunner, folder: &Path, shard: Shard) -> Result<()> {
    let cells = recipe.cells();
    let results = vec![None; cells.len()];
    let mut campaign = Campaign { cells: &cells, results, failed: Vec::new() };
    let mut open = shard.order(&cells);
    while !open.is_empty() {
        let left = campaign.round(&open, runner, folder)?;
        if left.len() == open.len() {
            std::thread::sleep(PAUSE);
        }
        open = left;
    }
    let results: Vec<CellResult> = campaign.results.into_iter().flatten().collect();
    println!("{}", table::markdown(&results));
    ensure!(
        campaign.failed.is_empty(),
        "{} of {} cells failed, for the reasons above: {}",
        campaign.failed.len(),
        cells.len(),
        campaign.failed.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_number_and_a_count() {
        assert_eq!("2/3".parse(), Ok(Shard { index: 1, count: 3 }));
        assert_eq!("1/1".parse(), Ok(Shard::ONLY));
        for text in ["", "1", "0/3", "4/3", "1/0", "a/3", "1/3/5", "-1/3"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError(text.to_string())));
        }
    }

    #[test]
    fn a_process_begins_with_its_own_victims() {
        let text = "name = \"parts\"\ndataset = \"signs\"\nseeds = [0, 1]\n\
             train = { epochs = 1, lr = 0.1, schedule = { kind = \"constant\" } }\n\
             [[victim]]\nid = \"a\"\nattack = \"badnets\"\n\
             [[defence]]\nid = \"tuned\"\nmethod = \"fine_tune\"\n";
        let cells = Recipe::parse(text).expect("sound").cells();
        let order = |index| Shard { index, count: 2 }.order(&cells);
        assert_eq!([order(0), order(1)], [vec![0, 1, 2, 3], vec![2, 3, 0, 1]]);
        assert_eq!(Shard::ONLY.order(&cells), [0, 1, 2, 3]);
    }
}
