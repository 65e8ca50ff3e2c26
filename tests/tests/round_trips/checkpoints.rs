//! A checkpoint holds the whole state of a job.

use crate::config;
use crate::drawn::{arrays, finite, number, text};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::job::{
    Auxiliary, Edit, EditContext, Edited, Job, PatchPosition, Phase, PhaseError, PhaseOutput,
    RecoveredTriggers,
};
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_shared::seed::Seed;
use unstamp_shared::{BoxFuture, Device};
use unstamp_tests::Fixture;
use unstamp_tests::defend::{arch, begun};

/// An edit that ends with what it was made with.
#[derive(Clone, Debug)]
struct Given {
    output: PhaseOutput,
    measured: Vec<(String, f64)>,
}

impl Edit for Given {
    fn edit<'a>(&'a self, _context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        let output = self.output.clone();
        let measured = self.measured.clone();
        Box::pin(std::future::ready(Ok(Edited { output, measured })))
    }
}

fn position() -> impl Strategy<Value = PatchPosition> {
    (1usize..4, prop::option::of(any::<[usize; 2]>()))
        .prop_map(|(side, at)| PatchPosition { side, at })
}

fn triggers() -> impl Strategy<Value = RecoveredTriggers> {
    (any::<usize>(), position(), 1usize..4).prop_flat_map(|(target, position, count)| {
        let size = position.size();
        vec(finite(), count * size).prop_map(move |values| {
            let patches = Array { shape: vec![count, size], values };
            RecoveredTriggers { target, position, patches }
        })
    })
}

/// Every kind of auxiliary output.
fn auxiliary() -> impl Strategy<Value = Auxiliary> {
    prop_oneof![
        Just(Auxiliary::None),
        arrays(finite()).prop_map(Auxiliary::Parameters),
        any::<usize>().prop_map(Auxiliary::Target),
        triggers().prop_map(Auxiliary::Triggers),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    (arrays(finite()), auxiliary(), vec((text(), number()), 0..3)).prop_map(
        |(weights, auxiliary, measured)| {
            let output = PhaseOutput { weights, auxiliary };
            Given { output, measured }
        },
    )
}

/// A job whose phases are these edits.
fn editing(edits: &[Given]) -> Job {
    let phase = |edit: &Given| Phase::edit("given", Arc::new(edit.clone()));
    let phases = edits.iter().map(phase).collect();
    let data = Arc::new(signs::split(Seed(0), SplitName::Train, 0..1));
    let device = Device::flex();
    Job::new("edits".into(), arch(), Arrays::new(), phases, data, Seed(0), device)
        .expect("an image")
}

/// MESA on four images: a search, a choice, generators, a draw and a retraining. A training has two
/// epochs of one step.
fn mesa() -> Job {
    let nets = Fixture::load();
    let set = ["epochs=2", "lr=0.001", "side=2", "scan_epochs=2", "recover_epochs=2"];
    begun("mesa", &set, nets.part("c"), nets.four())
}

/// Calls of [`Job::next`] until [`mesa`] has ended: five for each of three trainings, and two edits.
const CALLS: usize = 17;

fn advance(job: &mut Job, calls: usize) {
    for _ in 0..calls {
        pollster::block_on(job.next()).expect("a finite loss");
    }
}

fn saved(job: &Job) -> Vec<u8> {
    pollster::block_on(job.save()).expect("readable weights")
}

fn restore(job: &mut Job, bytes: &[u8]) {
    pollster::block_on(job.restore(bytes)).expect("a checkpoint of the same run");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    #[test]
    fn outputs_of_every_kind_survive_a_checkpoint(edits in vec(given(), 0..5), done in 0usize..6) {
        let mut job = editing(&edits);
        advance(&mut job, done);
        let bytes = saved(&job);
        let mut restored = editing(&edits);
        restore(&mut restored, &bytes);
        prop_assert_eq!(restored.outputs(), job.outputs());
        prop_assert_eq!(restored.measurements(), job.measurements());
        prop_assert!(saved(&restored) == bytes, "it is saved as other bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..config() })]

    /// Wherever it was stopped, and also after its next step.
    #[test]
    fn a_restored_job_is_saved_as_it_was(calls in 0..=CALLS) {
        let mut job = mesa();
        advance(&mut job, calls);
        let mut restored = mesa();
        restore(&mut restored, &saved(&job));
        for more in 0..2 {
            prop_assert!(saved(&restored) == saved(&job), "other bytes {more} steps later");
            advance(&mut job, 1);
            advance(&mut restored, 1);
        }
    }
}
