//! Second step of a cell: run the job to its end. A run that was killed continues from its checkpoint.

use super::checkpoints::CheckpointWriter;
use super::{CellPaths, CellRunner};
use crate::measure::Tests;
use crate::progress::JobProgress;
use anyhow::Result;
use std::path::Path;
use std::time::{Duration, Instant};
use unstamp_shared::job::{Event, Job};

/// A finished job.
pub(super) struct Trained {
    /// The job at its end, with the model and the history.
    pub job: Job,
    /// Wall-clock minutes in this process, without evaluations.
    pub minutes: f64,
}

/// Continues from a checkpoint, if there is a valid one.
fn restore(job: &mut Job, checkpoint: &Path, name: &str) {
    let Ok(bytes) = std::fs::read(checkpoint) else { return };
    match pollster::block_on(job.restore(&bytes)) {
        Ok(()) => log::info!("{name}: goes on from {}", checkpoint.display()),
        Err(e) => log::warn!(
            "{name}: {} is not used ({e}); the training starts from the beginning",
            checkpoint.display()
        ),
    }
}

impl CellRunner<'_> {
    /// Runs a job to its end. Writes checkpoints, and evaluates the model on `sample` after every
    /// epoch where the run asks for curves.
    pub(super) fn train(
        &self,
        mut job: Job,
        sample: &Tests,
        paths: &CellPaths,
        name: &str,
    ) -> Result<Trained> {
        restore(&mut job, &paths.checkpoint, name);
        let (done, total) = job.progress();
        let progress = JobProgress::new(name, done, total);
        let passes_before = job.passes();
        let mut checkpoints = CheckpointWriter::new(&self.checkpoints, name, &paths.checkpoint);
        let mut busy = Duration::ZERO;
        loop {
            let start = Instant::now();
            let Some(mut event) = pollster::block_on(job.next())? else { break };
            busy += start.elapsed();
            if self.curves {
                self.evaluate_epoch(&mut job, &mut event, sample)?;
            }
            if let Event::Epoch(epoch) = &event {
                self.log.epoch(name, epoch)?;
            }
            let passes = (job.passes() - passes_before) as f64;
            progress.show(&event, passes / busy.as_secs_f64());
            checkpoints.write_if_due(&job)?;
        }
        progress.finish();
        Ok(Trained { job, minutes: busy.as_secs_f64() / 60.0 })
    }

    /// Adds the rates on `sample` to the event and the history, if the event is the end of an epoch
    /// that changed the student: without a learning rate it did not.
    fn evaluate_epoch(&self, job: &mut Job, event: &mut Event, sample: &Tests) -> Result<()> {
        if let Event::Epoch(epoch) = event
            && epoch.trained()
            && let Some((arch, weights)) = pollster::block_on(job.so_far())?
        {
            let rates = self.evaluate(sample, &arch, &weights)?;
            epoch.rates = Some(rates);
            job.record(rates);
        }
        Ok(())
    }
}
