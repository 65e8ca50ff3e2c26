//! A log of a run for dashboards: one JSON object on each line, `{"event": "epoch", ...}` after each epoch and
//! `{"event": "result", ...}` after each cell that was computed. After a kill the epochs since the last checkpoint are
//! computed, and logged, again.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use unstamp_shared::job::Epoch;
use unstamp_shared::result::CellResult;

/// The log of a run; without a file nothing is written.
#[derive(Debug, Default)]
pub struct EventLog(Option<(File, PathBuf)>);

impl EventLog {
    /// Appends to the file at `path`, so that a run that continues goes on with its log.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::options().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Some((file, path.to_path_buf()))))
    }

    /// Writes an epoch of a cell.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn epoch(&self, cell: &str, epoch: &Epoch) -> Result<()> {
        self.write("epoch", cell, epoch)
    }

    /// Writes the result of a cell.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn result(&self, result: &CellResult) -> Result<()> {
        self.write("result", &result.cell, result)
    }

    fn write(&self, event: &str, cell: &str, record: &impl Serialize) -> Result<()> {
        let Some((file, path)) = &self.0 else { return Ok(()) };
        let mut line = json!({ "event": event, "cell": cell });
        if let (Value::Object(line), Value::Object(record)) =
            (&mut line, serde_json::to_value(record)?)
        {
            line.extend(record);
        }
        // One call for a line: processes may share the file.
        let mut file = file;
        file.write_all(format!("{line}\n").as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize) -> Epoch {
        let losses = vec![("cross_entropy".to_string(), 0.5)];
        Epoch { phase: "train".to_string(), epoch, lr: 0.1, losses, measured: vec![], rates: None }
    }

    #[test]
    fn a_second_log_goes_on_with_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        for number in 0..2 {
            let log = EventLog::open(Some(&path)).expect("opened");
            log.epoch("s0-badnets", &epoch(number)).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2);
        for (number, line) in lines.iter().enumerate() {
            let found = (&line["event"], &line["cell"], &line["epoch"]);
            assert_eq!(found, (&json!("epoch"), &json!("s0-badnets"), &json!(number)));
        }
    }

    #[test]
    fn without_a_file_nothing_is_written() {
        let log = EventLog::open(None).expect("nothing to open");
        assert!(log.epoch("s0-badnets", &epoch(0)).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing/log.jsonl");
        let error = EventLog::open(Some(&path)).expect_err("no folder");
        assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
    }
}
