//! Which images each rate of an evaluation counts.

use unstamp_shared::datasets::Split;
use unstamp_shared::evaluate::Evaluation;
use unstamp_shared::method::Values;
use unstamp_shared::metrics::Rate;
use unstamp_shared::poison::{TriggerRecord, sign_trigger};

/// Eight images, predicted as they are and with the trigger. ASR, RA and floor leave out the two of
/// the target class; the floor is of images without trigger.
#[test]
fn a_report_counts_each_rate_over_its_own_images() {
    let set = Values::default();
    let record = TriggerRecord { attack: "badnets".into(), set, target: 0, seed: 0 };
    let trigger = sign_trigger(&record, 3).expect("sound");
    let labels = vec![0, 0, 1, 1, 1, 2, 2, 2];
    let split = Split { labels, ..Split::default() };
    let clean = [0, 1, 0, 1, 1, 2, 2, 1];
    let triggered = [0, 0, 0, 0, 1, 0, 0, 2];
    let mut evaluation = Evaluation::new(3);
    evaluation.add(&split, &clean, &triggered);
    let report = evaluation.report(Some(&trigger));
    let counts = |rate: Rate| (rate.k, rate.n);
    assert_eq!(counts(report.acc), (5, 8));
    assert_eq!(report.asr.map(counts), Some((4, 6)));
    assert_eq!(report.ra.map(counts), Some((2, 6)));
    assert_eq!(report.floor.map(counts), Some((1, 6)));
    let plain = evaluation.report(None);
    assert_eq!((plain.asr, plain.ra, plain.floor), (None, None, None));
}
