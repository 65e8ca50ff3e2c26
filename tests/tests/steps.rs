//! Three optimiser steps of each objective against PyTorch: weights, statistics, momentum.

use burn::tensor::Device;
use std::sync::Arc;
use unstamp_shared::attention::Operator;
use unstamp_shared::job::{Augment, Event, Job, Phase, Schedule, Start, TrainStep, Training};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::from_bytes;
use unstamp_shared::objectives::{CrossEntropy, Form, Nad};
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, close};

/// Rounding differences of the first step grow through the next two; four images leave the batch
/// statistics of the last group few values to average.
const STEPS: f32 = 2e-3;

fn run(job: &mut Job, steps: usize) {
    let mut seen = 0;
    while seen < steps {
        if let Some(Event::Step { .. }) = pollster::block_on(job.next()).expect("a finite loss") {
            seen += 1;
        }
    }
}

#[test]
fn three_steps_agree_with_pytorch() {
    let fixture = Fixture::load();
    let arch = Arch { name: "wrn-10-1".into(), classes: 10, normalisation: None };
    // A batch holds all four images, so the shuffled order changes nothing but rounding.
    for (name, beta, nesterov) in
        [("fine_tune", 0.0, false), ("nad", 2.0, false), ("nesterov", 0.0, true)]
    {
        let training = Training {
            epochs: 3,
            batch: 4,
            lr: 0.01,
            schedule: Schedule::Constant,
            momentum: 0.9,
            nesterov,
            weight_decay: 1e-4,
            augment: Augment::default(),
        };
        let still = Training { epochs: 0, ..training.clone() };
        let plain: Arc<dyn TrainStep> = Arc::new(CrossEntropy);
        let nad: Arc<dyn TrainStep> =
            Arc::new(Nad { form: Form::Paper, operator: Operator::Sum2, beta });
        let teacher = (beta > 0.0).then_some(Start::Victim);
        let train_step = if beta > 0.0 { nad } else { plain.clone() };
        // The job is given the teacher; the student's weights come in through a checkpoint.
        let student = Phase::train("distil", train_step, training).from(Start::Phase(0));
        let (student, start) =
            (student.with_references(teacher), Phase::train("start", plain, still));
        let (data, device) = (Arc::new(fixture.four()), Device::flex());
        let mut job = Job::new(
            name.into(),
            arch.clone(),
            fixture.part("d"),
            vec![start, student],
            data,
            Seed(0),
            device,
        )
        .expect("there are images");
        pollster::block_on(job.next()).expect("the empty phase ends");
        let saved = pollster::block_on(job.save()).expect("saved");
        let (mut arrays, head) = from_bytes::<serde_json::Value>(&saved).expect("readable");
        for (key, value) in fixture.part("c") {
            arrays.insert(format!("ended0/{key}"), value);
        }
        let precision = unstamp_shared::model::weights::Precision::F32;
        let bytes = unstamp_shared::model::weights::to_bytes(&arrays, precision, &head);
        pollster::block_on(job.restore(&bytes)).expect("of the same run");
        run(&mut job, 3);

        let (state, _) =
            from_bytes::<serde_json::Value>(&pollster::block_on(job.save()).expect("saved"))
                .expect("readable");
        let want = fixture.part(&format!("want.steps.{name}"));
        for (key, array) in &want {
            let ours = match key.strip_prefix("momentum.") {
                Some(parameter) => format!("momentum/{parameter}"),
                None => format!("student/{key}"),
            };
            close(&state[&ours].values, &array.values, STEPS, &format!("{name} {key}"));
        }
    }
}
