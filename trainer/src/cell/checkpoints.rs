//! When a running job is saved to its checkpoint.

use crate::files;
use anyhow::Result;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};
use unstamp_shared::job::Job;

/// When checkpoints are written. The outcome of a job does not depend on it.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// Time between two checkpoints.
    pub every: Duration,
    /// Where the process aborts; only tests of interrupted runs set it.
    pub abort_after: Option<AbortAfter>,
}

/// A place in a run: the cell `cell` has written `count` checkpoints in this process. A test names
/// the place by progress, so that it does not depend on the speed of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortAfter {
    cell: String,
    count: usize,
}

/// A text is not a place in a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a cell and a number of checkpoints, such as s0-badnets:7")]
pub struct AbortAfterError(String);

impl FromStr for AbortAfter {
    type Err = AbortAfterError;

    fn from_str(text: &str) -> Result<Self, AbortAfterError> {
        let error = || AbortAfterError(text.to_string());
        let (cell, count) = text.rsplit_once(':').ok_or_else(error)?;
        let count = count.parse().map_err(|_| error())?;
        Ok(Self { cell: cell.to_string(), count })
    }
}

/// Writes the checkpoints of one cell.
pub(super) struct CheckpointWriter<'a> {
    rule: &'a Checkpoints,
    cell: &'a str,
    path: &'a Path,
    last: Instant,
    written: usize,
}

impl<'a> CheckpointWriter<'a> {
    pub(super) fn new(rule: &'a Checkpoints, cell: &'a str, path: &'a Path) -> Self {
        Self { rule, cell, path, last: Instant::now(), written: 0 }
    }

    /// Writes a checkpoint if the last one is old enough.
    ///
    /// # Errors
    /// The device does not give the weights back, or the file cannot be written.
    pub(super) fn write_if_due(&mut self, job: &Job) -> Result<()> {
        if self.last.elapsed() < self.rule.every {
            return Ok(());
        }
        files::write(self.path, &pollster::block_on(job.save())?)?;
        log::debug!("{}: wrote {}", self.cell, self.path.display());
        self.last = Instant::now();
        self.written += 1;
        if let Some(place) = &self.rule.abort_after
            && place.cell == self.cell
            && place.count == self.written
        {
            std::process::abort();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_cell_and_a_number() {
        let place = AbortAfter { cell: "s0-badnets-nad".to_string(), count: 7 };
        assert_eq!("s0-badnets-nad:7".parse(), Ok(place));
        for text in ["", "s0-badnets", "s0-badnets:", "s0-badnets:x"] {
            assert_eq!(text.parse::<AbortAfter>(), Err(AbortAfterError(text.to_string())));
        }
    }
}
