//! Jobs of a few steps: their events, their counts and their outputs.

use super::*;
use crate::BoxFuture;
use crate::objectives::CrossEntropy;
use crate::testing::{arch, drawn, fresh, training};

fn job(phases: Vec<Phase>, data: Arc<Split>) -> Job {
    Job::new("job".into(), arch(), fresh(), phases, data, Seed(0), Device::flex())
        .expect("there are images")
}

fn next(job: &mut Job) -> Option<Event> {
    pollster::block_on(job.next()).expect("a finite loss")
}

/// A training of `epochs` epochs with two images in a batch.
fn tuning(epochs: usize) -> Phase {
    Phase::train("tune", Arc::new(CrossEntropy), training(epochs, 2))
}

/// An edit that doubles all weights.
#[derive(Debug)]
struct Double;

impl Edit for Double {
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        let weights = doubled(context.weights);
        let measured = vec![("factor".to_string(), 2.0)];
        Box::pin(async { Ok(Edited { output: weights.into(), measured }) })
    }

    fn points(&self) -> Vec<(f64, Arc<dyn Edit>)> {
        vec![(0.5, Arc::new(Double))]
    }
}

fn doubled(weights: &Arrays) -> Arrays {
    let mut weights = weights.clone();
    for array in weights.values_mut() {
        array.values.iter_mut().for_each(|value| *value *= 2.0);
    }
    weights
}

#[test]
fn a_fifth_is_set_aside_if_it_is_200_images() {
    for (images, aside) in [(0, None), (999, None), (1000, Some(200)), (1009, Some(201))] {
        assert_eq!(validation_images(images), aside, "{images}");
    }
}

#[test]
fn a_job_needs_images() {
    let none = Arc::new(Split::new(32, 32));
    let job = Job::new("job".into(), arch(), fresh(), Vec::new(), none, Seed(0), Device::flex());
    assert!(matches!(job, Err(JobError::NoImages)));
}

#[test]
fn a_training_gives_its_steps_its_epochs_and_its_end() {
    let mut job = job(vec![tuning(2)], drawn(5));
    let mut sizes = Vec::new();
    for epoch in 0..2 {
        for step in 0..3 {
            assert_eq!(job.progress(), (3 * epoch + step, 6));
            let event = next(&mut job);
            let Some(Event::Step { images, step: at, steps: 3, .. }) = event else {
                panic!("{event:?}")
            };
            assert_eq!(at, step);
            sizes.push(images);
        }
        let event = next(&mut job);
        assert!(matches!(&event, Some(Event::Epoch(e)) if e.epoch == epoch), "{event:?}");
    }
    assert_eq!(sizes, [2, 2, 1, 2, 2, 1]);
    assert_eq!((job.passes(), job.history().len()), (10, 2));
    assert!(job.result().is_none(), "the phase has not ended");
    assert!(matches!(next(&mut job), Some(Event::Phase { phase: "tune" })));
    assert!(next(&mut job).is_none());
    assert!(job.result().is_some_and(|weights| *weights != fresh()));
}

#[test]
fn an_edit_is_one_step_and_is_measured() {
    let edit = Phase::edit("double", Arc::new(Double)).from(Start::Phase(0));
    let mut job = job(vec![tuning(1), edit], drawn(2));
    assert_eq!(job.progress(), (0, 2));
    let mut so_far = None;
    while let Some(event) = next(&mut job) {
        if let Event::Epoch(_) = event {
            job.record(Rates { acc: 0.5, asr: None });
            so_far = pollster::block_on(job.so_far()).expect("it computes");
        }
    }
    assert_eq!(job.progress(), (2, 2));
    let wanted = doubled(&job.outputs()[0].weights);
    assert_eq!(job.result(), Some(&wanted));
    assert_eq!(so_far, Some((arch(), wanted.clone())), "the edit follows the training");
    let phase = "double".to_string();
    let measured = Measurement { phase, name: "factor".to_string(), value: 2.0 };
    assert_eq!(job.measurements(), [measured]);
    assert_eq!(job.history()[0].rates, Some(Rates { acc: 0.5, asr: None }));
    let points = pollster::block_on(job.points()).expect("it computes");
    assert_eq!(points, [(0.5, wanted)]);
}

#[test]
fn a_phase_of_no_epochs_ends_with_its_first_weights() {
    let phases =
        vec![tuning(0), tuning(0).from(Start::Fresh(None)), tuning(0).from(Start::Fresh(None))];
    let mut job = job(phases, drawn(2));
    while next(&mut job).is_some() {}
    let [victim, drawn, again] = job.outputs() else { panic!("three phases") };
    assert_eq!(victim.weights, fresh());
    assert_ne!(drawn.weights, victim.weights, "a fresh network has another seed than the victim");
    assert_eq!(drawn, again);
}

#[test]
fn the_teacher_is_the_only_reference_of_the_last_training() {
    let taught = |references: Vec<Start>| {
        let last = Phase::edit("double", Arc::new(Double));
        let phases = vec![tuning(0), tuning(0).with_references(references), last];
        let mut job = job(phases, drawn(2));
        while next(&mut job).is_some() {}
        job.teacher().map(|(arch, weights)| (arch, weights.clone()))
    };
    assert_eq!(taught(vec![Start::Phase(0)]), Some((arch(), fresh())));
    assert_eq!(taught(vec![Start::Victim]), Some((arch(), fresh())));
    assert_eq!(taught(vec![Start::Victim, Start::Phase(0)]), None, "the ends of a curve");
    assert_eq!(taught(Vec::new()), None);
}

#[test]
fn the_architecture_follows_the_start() {
    let other = tuning(0).from(Start::Fresh(Some("wrn-16-1".to_string())));
    let job = job(vec![other, tuning(0).from(Start::Phase(0))], drawn(2));
    assert_eq!(job.arch(&Start::Victim), arch());
    assert_eq!(job.arch(&Start::Fresh(None)), arch());
    assert_eq!(job.arch(&Start::Phase(1)), Arch::new("wrn-16-1", 10));
}

/// 1,000 images of one pixel, of which 200 are set aside.
#[test]
fn only_phases_with_patience_set_images_aside() {
    let data =
        Arc::new(Split { width: 1, height: 1, pixels: vec![0; 3000], labels: vec![0; 1000] });
    let steps = |patience, all_images| {
        let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training(1, 100));
        let stopping = Phase::training("tune", TrainPhase { patience, ..train_phase.clone() });
        let last = Phase::training("last", TrainPhase { all_images, ..train_phase });
        let job = job(vec![stopping, last], data.clone());
        (job.validation(), job.progress().1)
    };
    assert_eq!(steps(None, false), (0, 10 + 10));
    assert_eq!(steps(Some(1), false), (200, 8 + 8));
    assert_eq!(steps(Some(1), true), (200, 8 + 10));
}
