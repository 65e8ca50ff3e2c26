//! Learning rates and augmented images against PyTorch (`fixtures/training.py`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use burn::tensor::Device;
use serde::Deserialize;
use std::sync::Arc;
use unstamp_shared::job::augment::{Augment, crop, cutout, mirror};
use unstamp_shared::job::{Job, Phase, Schedule, Training};
use unstamp_shared::model::Arch;
use unstamp_shared::objectives::CrossEntropy;
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, fixture};

/// As a share of the initial rate. Both sides compute in f64; PyTorch gets some rates by up to a
/// hundred multiplications, each of which rounds by 1e-16.
const ROUNDING: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    rate: f64,
    schedules: Vec<Rates>,
    images: Images,
}

#[derive(Deserialize)]
struct Rates {
    schedule: Schedule,
    epochs: usize,
    /// Of an epoch.
    steps: usize,
    /// Of every step of all epochs.
    lr: Vec<f64>,
}

#[derive(Deserialize)]
struct Images {
    width: usize,
    height: usize,
    /// Bytes of an RGB image as base64, like all pixels below.
    image: String,
    crop: Vec<Crop>,
    mirror: String,
    cutout: Vec<Cutout>,
    drawn: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Crop {
    dx: isize,
    dy: isize,
    pixels: String,
}

#[derive(Deserialize)]
struct Cutout {
    x: usize,
    y: usize,
    side: usize,
    pixels: String,
}

/// The image that an augmentation makes of the test image, at this place of the random stream.
#[derive(Deserialize)]
struct Drawn {
    augment: Augment,
    place: [u64; 3],
    pixels: String,
}

fn reference() -> Reference {
    let bytes = std::fs::read(fixture("training.json")).expect("make fixtures");
    serde_json::from_slice(&bytes).expect("a record")
}

fn pixels(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

#[test]
fn every_schedule_gives_the_rates_of_pytorch() {
    let Reference { rate, schedules, .. } = reference();
    for Rates { schedule, epochs, steps, lr } in schedules {
        assert_eq!(lr.len(), epochs * steps);
        for (step, wanted) in lr.into_iter().enumerate() {
            let found = rate * schedule.factor(step / steps, step, epochs * steps);
            let off = (found - wanted).abs() / rate;
            let what = format!("{schedule:?}, step {step} of {epochs} x {steps}");
            assert!(off <= ROUNDING, "{what}: {found} is not {wanted}");
        }
    }
}

/// The rate that a job notes for an epoch is that of the epoch's last step.
#[test]
fn a_job_trains_at_the_rates_of_its_schedule() {
    let nets = Fixture::load();
    let Reference { rate, schedules, .. } = reference();
    let small = schedules.into_iter().filter(|case| (case.epochs, case.steps) == (6, 2));
    for Rates { schedule, epochs, steps, lr: wanted } in small {
        let lr = 0.001;
        let training = Training {
            epochs,
            batch: 2,
            lr,
            schedule,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
            augment: Augment::default(),
        };
        let phases = vec![Phase::train("train", Arc::new(CrossEntropy), training)];
        let arch = Arch::new("wrn-10-1", 10);
        let victim = nets.part("c");
        let data = Arc::new(nets.four());
        let device = Device::flex();
        let job = Job::new("rates".into(), arch, victim, phases, data, Seed(0), device);
        let mut job = job.expect("there are images");
        while pollster::block_on(job.next()).expect("a finite loss").is_some() {}
        assert_eq!(job.history().len(), epochs);
        for (epoch, last) in job.history().iter().zip(wanted.chunks_exact(steps)) {
            let wanted = last[steps - 1] * lr / rate;
            let off = (epoch.lr - wanted).abs() / lr;
            assert!(off <= ROUNDING, "{schedule:?}, epoch {}: {}", epoch.epoch, epoch.lr);
        }
    }
}

#[test]
fn images_are_cropped_mirrored_and_blanked_as_by_pytorch() {
    let Images { width, height, image, crop: crops, mirror: mirrored, cutout: holes, .. } =
        reference().images;
    for Crop { dx, dy, pixels: wanted } in crops {
        let mut found = pixels(&image);
        crop(&mut found, width, height, dx, dy);
        assert_eq!(found, pixels(&wanted), "a window moved by {dx}, {dy}");
    }
    let mut found = pixels(&image);
    mirror(&mut found, width);
    assert_eq!(found, pixels(&mirrored));
    for Cutout { x, y, side, pixels: wanted } in holes {
        let mut found = pixels(&image);
        cutout(&mut found, width, height, [x, y], side);
        assert_eq!(found, pixels(&wanted), "a square of {side} around {x}, {y}");
    }
}

#[test]
fn offsets_are_drawn_in_the_order_that_is_written_down() {
    let Images { width, height, image, drawn, .. } = reference().images;
    for Drawn { augment, place, pixels: wanted } in drawn {
        let mut found = pixels(&image);
        augment.apply(&mut found, width, height, &mut Seed(0).stream("augment", &place));
        assert_eq!(found, pixels(&wanted), "{augment:?} at {place:?}");
    }
}
