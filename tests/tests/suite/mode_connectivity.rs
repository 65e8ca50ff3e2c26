//! Mode connectivity repair: the ends and the points of its curve, and their statistics.

use unstamp_shared::job::Event;
use unstamp_tests::Fixture;
use unstamp_tests::defend::{begun, defended};

#[test]
fn the_curve_of_mcr_meets_its_ends() {
    let nets = Fixture::load();
    let victim = nets.part("c");
    let ends = [("t=0", 0), ("t=1", 1)];
    let set = |t, ends| ["epochs=1", "lr=0.01", t, ends];
    for (t, end) in ends {
        for curve in ["curve=bezier", "curve=chain"] {
            let mut set = set(t, "ends=finetuned").to_vec();
            set.push(curve);
            let job = defended("mcr", &set, victim.clone(), nets.four());
            // The phases: the fine-tuned end, the middle, the bend, the point.
            let end = if end == 0 { &victim } else { &job.outputs()[0].weights };
            for (name, array) in job.result().expect("ended") {
                // Statistics are renewed; everything else is the end's to the bit.
                assert!(name.contains("running") || *array == end[name], "{curve} {t} {name}");
            }
        }
    }
}

/// Other images, other statistics; the weights are the same.
#[test]
fn statistics_may_be_renewed_on_augmented_images() {
    let nets = Fixture::load();
    let end = |statistics: &str| {
        let set = ["epochs=1", "lr=0.01", statistics];
        defended("mcr", &set, nets.part("c"), nets.four()).result().expect("ended").clone()
    };
    let plain = end("statistics=plain");
    let augmented = end("statistics=augmented");
    for (name, array) in &plain {
        assert_eq!(*array == augmented[name], !name.contains("running"), "{name}");
    }
    assert_eq!(augmented, end("statistics=augmented"));
}

/// The network after the last epoch and the chosen point of the curve both equal the result, also where their
/// running statistics come from augmented images.
#[test]
fn the_chosen_point_is_the_result() {
    let nets = Fixture::load();
    for statistics in ["statistics=plain", "statistics=augmented"] {
        let set = ["epochs=2", "lr=0.01", "t=0.3", statistics];
        let mut job = begun("mcr", &set, nets.part("c"), nets.four());
        let mut so_far = None;
        while let Some(event) = pollster::block_on(job.next()).expect("a finite loss") {
            if let Event::Epoch(_) = event {
                so_far = pollster::block_on(job.so_far()).expect("it computes");
            }
        }
        let result = job.result().expect("ended");
        let (_, after_last_epoch) = so_far.expect("a training ran");
        assert!(after_last_epoch == *result, "{statistics}: after the last epoch");
        let points = pollster::block_on(job.points()).expect("it computes");
        let (_, chosen) = points.iter().find(|(t, _)| *t == 0.3).expect("it is a tenth");
        assert!(chosen == result, "{statistics}: on the curve");
    }
}
