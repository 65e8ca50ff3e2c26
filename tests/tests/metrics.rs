//! Rates: definitions on a small table, and intervals against published values.

use unstamp_shared::datasets::Split;
use unstamp_shared::evaluate::Evaluation;
use unstamp_shared::method::Values;
use unstamp_shared::metrics::{Confusion, Rate, der};
use unstamp_shared::poison::{TriggerRecord, sign_trigger};

#[test]
fn wilson_intervals() {
    // (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), computed in Python.
    for (k, n, low, high) in [
        (0, 10, 0.0, 0.2775327998628892),
        (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436),
        (95, 100, 0.8882495307680808, 0.9784563208456319),
        (10, 10, 0.7224672001371108, 1.0),
    ] {
        let rate = Rate::new(k, n);
        assert!(
            (rate.ci95[0] - low).abs() < 1e-6 && (rate.ci95[1] - high).abs() < 1e-6,
            "{k} of {n}: {rate:?}"
        );
    }
    assert_eq!(Rate::new(0, 0).ci95, [0.0, 1.0]);
}

#[test]
fn rates_count_the_right_images() {
    let mut table = Confusion::new(3);
    for (label, predicted) in [(0, 0), (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 0), (2, 2)] {
        table.add(label, predicted);
    }
    let wanted = |_| 0;
    assert_eq!((table.accuracy().k, table.accuracy().n), (4, 8));
    assert_eq!(
        (table.success(wanted).k, table.success(wanted).n),
        (3, 5),
        "only images of other classes"
    );
    assert_eq!((table.robust(wanted).k, table.robust(wanted).n), (2, 5));
    let next = |label| (label + 1) % 3;
    assert_eq!(
        (table.success(next).k, table.success(next).n),
        (3, 8),
        "all-target counts every image"
    );
}

#[test]
fn der_follows_its_definition() {
    assert!((der((0.9, 1.0), (0.85, 0.1)) - 0.925).abs() < 1e-12);
    assert!((der((0.9, 0.1), (0.95, 0.2)) - 0.5).abs() < 1e-12, "a rise counts nothing");
}

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
