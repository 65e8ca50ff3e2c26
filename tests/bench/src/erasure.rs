//! Whole trainings on images in memory: an epoch of fine-tuning, and erasures from beginning to end. The
//! script `frameworks/pytorch.py` does the same.

use crate::BenchError;
use std::sync::Arc;
use std::time::Instant;
use unstamp_shared::datasets::Split;
use unstamp_shared::defences::{DefenceInput, defence};
use unstamp_shared::job::Job;
use unstamp_shared::method::Values;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::seed::Seed;

/// Width and height of the images.
const SIDE: usize = 32;

/// The trainings by the name of their task: a defence and its settings. Images are cropped at random and half of
/// them mirrored. Erasures have two epochs for the teacher and two for the student.
const TRAININGS: [(&str, &str, &[&str]); 3] = [
    ("epoch", "fine_tune", &["epochs=1", "cutout=0", "lr=0.001"]),
    ("nad", "nad", &["epochs=2", "cutout=0", "lr=0.001"]),
    ("nba", "nba", &["epochs=2", "cutout=0", "lr=0.001", "layers=groups"]),
];

/// Random images with labels.
fn images(count: usize) -> Split {
    let mut random = Seed(0).stream("bench", &[count as u64]);
    let pixels = (0..count * SIDE * SIDE * 3).map(|_| random.below(256) as u8).collect();
    let labels = (0..count).map(|i| (i % 10) as u16).collect();
    Split { width: SIDE, height: SIDE, pixels, labels }
}

/// Milliseconds of the training that belongs to `task`, on `count` images.
///
/// # Errors
/// If there is no such task, or its job fails.
pub async fn run(
    arch: &Arch,
    victim: &Arrays,
    task: &str,
    count: usize,
) -> Result<f64, BenchError> {
    let (_, id, settings) = TRAININGS
        .iter()
        .find(|(name, ..)| *name == task)
        .ok_or_else(|| BenchError::Task(task.to_string()))?;
    let data = Arc::new(images(count));
    let values = Values::parse(settings.iter().copied())?;
    let method = defence(id).ok_or_else(|| BenchError::Task(id.to_string()))?;
    let phases = method.phases(&values, DefenceInput::new(&data, true, None))?;
    let device = burn::tensor::Device::flex();
    let mut job =
        Job::new(task.into(), arch.clone(), victim.clone(), phases, data, Seed(0), device)?;
    let start = Instant::now();
    while job.next().await?.is_some() {}
    Ok(1e3 * start.elapsed().as_secs_f64())
}
