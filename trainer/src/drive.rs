//! Running a job to its end, with checkpoints.

use crate::files;
use crate::progress::JobProgress;
use anyhow::Result;
use std::path::Path;
use std::time::{Duration, Instant};
use unstamp_shared::job::{Event, Job, Rates};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::Arrays;

/// Measures the rates of a model on test images after an epoch.
pub type EpochEvaluation<'a> = &'a dyn Fn(&Arch, &Arrays) -> Result<Rates>;

/// Drives a job to its end. It continues from `checkpoint` if that file fits, writes it again at
/// least `every` so often, and measures the rates after every epoch if a function for that is given.
/// Returns the minutes that the job itself took here.
///
/// # Errors
///
/// Where the job cannot go on, or the checkpoint cannot be written.
pub fn drive(
    job: &mut Job,
    checkpoint: &Path,
    every: Duration,
    name: &str,
    evaluate: Option<EpochEvaluation>,
) -> Result<f64> {
    if let Ok(bytes) = std::fs::read(checkpoint) {
        match pollster::block_on(job.restore(&bytes)) {
            Ok(()) => eprintln!("{name}: goes on from {}", checkpoint.display()),
            Err(e) => eprintln!("{name}: {} is not used ({e}); starts anew", checkpoint.display()),
        }
    }
    let (done, total) = job.progress();
    let progress = JobProgress::new(name, done, total);
    let from = job.passes();
    let mut saved = Instant::now();
    let mut busy = Duration::ZERO;
    loop {
        let start = Instant::now();
        let Some(mut event) = pollster::block_on(job.next())? else { break };
        busy += start.elapsed();
        if let Event::Epoch(epoch) = &mut event
            && let Some(evaluate) = evaluate
            && let Some((arch, weights)) = pollster::block_on(job.so_far())?
        {
            let rates = evaluate(&arch, &weights)?;
            epoch.rates = Some(rates);
            job.record(rates);
        }
        progress.show(&event, (job.passes() - from) as f64 / busy.as_secs_f64());
        if saved.elapsed() >= every {
            files::write(checkpoint, &pollster::block_on(job.save())?)?;
            saved = Instant::now();
        }
    }
    progress.finish();
    Ok(busy.as_secs_f64() / 60.0)
}
