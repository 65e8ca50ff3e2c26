//! Three optimiser steps of each objective against PyTorch: weights, statistics, momentum.

use burn::tensor::Device;
use std::sync::Arc;
use unstamp_shared::attention::Operator;
use unstamp_shared::job::{Augment, Event, Job, Phase, Schedule, Start, TrainStep, Training};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Precision, from_bytes, to_bytes};
use unstamp_shared::objectives::{CrossEntropy, Form, Nad};
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, close, lifted};

/// Rounding differences of the first step grow through the next two; four images leave the batch
/// statistics of the last group few values to average.
const STEPS: f32 = 2e-3;

/// Offset of the student's shifts. Without it the values lie so close to the kink of ReLU that the
/// order of a sum, which differs between processors, changes some momenta by 2 %.
const LIFT: f32 = 5.0;

fn run(job: &mut Job, steps: usize) {
    let mut seen = 0;
    while seen < steps {
        if let Some(Event::Step { .. }) = pollster::block_on(job.next()).expect("a finite loss") {
            seen += 1;
        }
    }
}

/// A batch holds all four images, so the shuffled order changes nothing but rounding.
fn training(nesterov: bool) -> Training {
    Training {
        epochs: 3,
        batch: 4,
        lr: 0.01,
        schedule: Schedule::Constant,
        momentum: 0.9,
        nesterov,
        weight_decay: 1e-4,
        augment: Augment::default(),
    }
}

/// A job that trains the fixture's student against its teacher. The job is given the teacher; the
/// student's weights come in through a checkpoint.
fn job(fixture: &Fixture, name: &str, beta: f64, training: Training) -> Job {
    let still = Training { epochs: 0, ..training.clone() };
    let start = Phase::train("start", Arc::new(CrossEntropy), still);
    let nad = Nad { form: Form::Paper, operator: Operator::Sum2, beta };
    let train_step: Arc<dyn TrainStep> =
        if beta > 0.0 { Arc::new(nad) } else { Arc::new(CrossEntropy) };
    let teacher = (beta > 0.0).then_some(Start::Victim);
    let student = Phase::train("distil", train_step, training).from(Start::Phase(0));
    let phases = vec![start, student.with_references(teacher)];
    let arch = Arch::new("wrn-10-1", 10);
    let data = Arc::new(fixture.four());
    let job = Job::new(name.into(), arch, fixture.part("d"), phases, data, Seed(0), Device::flex());
    let mut job = job.expect("there are images");
    pollster::block_on(job.next()).expect("the empty phase ends");
    let saved = pollster::block_on(job.save()).expect("saved");
    let (mut arrays, head) = from_bytes::<serde_json::Value>(&saved).expect("readable");
    let student = lifted(fixture.part("c"), LIFT).into_iter();
    arrays.extend(student.map(|(key, value)| (format!("ended0/{key}"), value)));
    let bytes = to_bytes(&arrays, Precision::F32, &head);
    pollster::block_on(job.restore(&bytes)).expect("of the same run");
    job
}

#[test]
fn three_steps_agree_with_pytorch() {
    let fixture = Fixture::load();
    let cases = [("fine_tune", 0.0, false), ("nad", 2.0, false), ("nesterov", 0.0, true)];
    for (name, beta, nesterov) in cases {
        let mut job = job(&fixture, name, beta, training(nesterov));
        run(&mut job, 3);
        let saved = pollster::block_on(job.save()).expect("saved");
        let (state, _) = from_bytes::<serde_json::Value>(&saved).expect("readable");
        for (key, array) in &fixture.part(&format!("want.steps.{name}")) {
            let ours = match key.strip_prefix("momentum.") {
                Some(parameter) => format!("momentum/{parameter}"),
                None => format!("student/{key}"),
            };
            close(&state[&ours].values, &array.values, STEPS, &format!("{name} {key}"));
        }
    }
}
