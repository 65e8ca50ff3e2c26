//! The cursor, and jobs that continue from every step.

use super::*;
use crate::job::Start;
use crate::objectives::CrossEntropy;
use crate::testing::{arch, drawn, fresh, training};
use burn::tensor::Device;
use std::sync::Arc;
use unstamp_data::seed::Seed;

#[test]
fn a_training_stops_after_epochs_without_a_better_accuracy() {
    let mut cursor = Cursor::new("key".to_string());
    assert!(cursor.improves(5));
    for (epoch, settled) in [(1, false), (2, false), (3, true)] {
        cursor.epoch = epoch;
        assert_eq!(cursor.settled(Some(2)), settled, "before epoch {epoch}");
        assert!(!cursor.improves(5), "an equal accuracy is not better");
    }
    assert!(!cursor.settled(None), "without patience all epochs are run");
    cursor.next_phase();
    assert!(!cursor.settled(Some(2)), "the next phase has no best epoch yet");
}

#[test]
fn arrays_are_found_by_their_whole_prefix() {
    let array = Array { shape: vec![1], values: vec![0.0] };
    let mut all = Arrays::new();
    for prefix in [output_weights(1), output_auxiliary(1), output_weights(10)] {
        add_under(&mut all, &prefix, Arrays::from([(prefix.clone(), array.clone())]));
    }
    let found = arrays_under(&all, &output_weights(1));
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [output_weights(1)]);
}

/// Two phases of two steps.
fn job(key: &str) -> Job {
    let tuning = || Phase::train("tune", Arc::new(CrossEntropy), training(1, 2));
    let phases = vec![tuning(), tuning().from(Start::Phase(0))];
    Job::new(key.into(), arch(), fresh(), phases, drawn(4), Seed(0), Device::flex())
        .expect("there are images")
}

fn next(job: &mut Job) -> bool {
    pollster::block_on(job.next()).expect("a finite loss").is_some()
}

fn saved(job: &Job) -> Vec<u8> {
    pollster::block_on(job.save()).expect("readable")
}

#[test]
fn a_restored_job_ends_with_the_same_bits() {
    let mut whole = job("key");
    while next(&mut whole) {}
    let mut parts = job("key");
    while next(&mut parts) {
        let bytes = saved(&parts);
        parts = job("key");
        pollster::block_on(parts.restore(&bytes)).expect("of the same job");
        assert_eq!(saved(&parts), bytes);
    }
    assert_eq!(parts.outputs(), whole.outputs());
    assert_eq!(parts.history(), whole.history());
    assert_eq!(parts.passes(), whole.passes());
}

/// The fault with which a job refuses a state. Afterwards it is at its first step.
fn fault(bytes: &[u8]) -> JobError {
    let mut job = job("key");
    let error = pollster::block_on(job.restore(bytes)).expect_err("refused");
    assert_eq!(job.progress().0, 0);
    error
}

#[test]
fn the_state_of_another_job_is_refused() {
    use CheckpointError::{Momentum, NoMetadata, Outputs, Settings};
    let refused = |bytes: &[u8], wanted: CheckpointError| {
        let error = fault(bytes);
        assert!(matches!(error, JobError::Checkpoint(found) if found == wanted), "{error}");
    };
    refused(&saved(&job("other")), Settings);
    let mut running = job("key");
    for _ in 0..5 {
        next(&mut running);
    }
    let bytes = saved(&running);
    let (arrays, head) = weights::from_bytes::<serde_json::Value>(&bytes).expect("readable");
    let mut head = head.expect("it has metadata");
    assert_eq!(head["phase"], 1, "the second phase runs");
    let changed =
        |arrays: &Arrays, head: &serde_json::Value| weights::to_bytes(arrays, Precision::F32, head);
    let mut short = arrays.clone();
    let velocity = short.get_mut("momentum/fc.bias").expect("it moves");
    *velocity = Array { shape: vec![1], values: vec![0.0] };
    refused(&changed(&short, &head), Momentum);
    head["auxiliary"] = serde_json::json!([]);
    refused(&changed(&arrays, &head), Outputs);
    assert!(matches!(fault(b"no checkpoint"), JobError::Weights(_)));
    let mut plain = b"\x08\0\0\0\0\0\0\0".to_vec();
    plain.extend(b"{}      ");
    refused(&plain, NoMetadata);
}
