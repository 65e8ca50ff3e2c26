//! The choice of the number of channels, and the phases of each rule.

use super::*;
use crate::job::Work;
use crate::testing::{arch, fresh};
use burn::tensor::Device;
use unstamp_data::seed::Seed;

/// The number of channels that `rule` chooses on a curve, and its accuracy.
fn chosen(rule: Rule, curve: &[(usize, f64)]) -> Option<(usize, f64)> {
    let split = Split::new(8, 8);
    let weights = fresh();
    let context = EditContext {
        arch: &arch(),
        weights: &weights,
        references: Vec::new(),
        data: &split,
        validation: None,
        device: &Device::flex(),
        random: Seed(0).stream("edit", &[]),
    };
    let mut measured = Vec::new();
    let found = Prune::chosen(rule, &context, curve, &split, &mut measured);
    pollster::block_on(found).expect("nothing is computed")
}

/// Without pruning 90 % are right.
#[test]
fn the_largest_number_within_the_drop_is_chosen() {
    let curve = [(0, 0.90), (1, 0.92), (2, 0.87), (3, 0.85), (4, 0.87), (5, 0.5)];
    let cases = [(0.0, (1, 0.92)), (4.0, (4, 0.87)), (5.5, (4, 0.87)), (100.0, (5, 0.5))];
    for (drop, wanted) in cases {
        assert_eq!(chosen(Rule::Drop(drop), &curve), Some(wanted), "{drop} points");
    }
    assert_eq!(chosen(Rule::Drop(4.0), &[]), None);
}

fn phases(rule: PruneRule, images: usize, tune_scale: f64) -> Vec<Phase> {
    let settings = FinePruningSettings { rule, tune_scale, ..FinePruningSettings::default() };
    let given = DefenceInput { images, size: (32, 32), flip: false, trigger: None };
    TypedDefence::phases(&FinePruning, &settings, &given)
}

#[test]
fn nad_runs_first_only_if_its_accuracy_is_matched() {
    let names = |rule, images| -> Vec<&str> {
        phases(rule, images, 0.5).iter().map(|phase| phase.name).collect()
    };
    let matched = ["teacher", "distil", "prune", "fine_tune"];
    assert_eq!(names(PruneRule::Match, 1000), matched);
    // 999 images leave too few for validation.
    let cases = [(PruneRule::Match, 999), (PruneRule::Drop, 1000), (PruneRule::Ratio, 1000)];
    for (rule, images) in cases {
        assert_eq!(names(rule, images), ["prune", "fine_tune"], "{rule:?}");
    }
}

#[test]
fn the_tuning_has_its_share_of_the_rate_and_all_images() {
    let all = phases(PruneRule::Ratio, 1000, 0.5);
    let Work::Train(tuning) = &all[1].work else { panic!("an edit") };
    assert_eq!((tuning.training.lr, tuning.all_images), (0.05, true));
    assert_eq!(all[1].student, Start::Phase(0));
    assert_eq!(phases(PruneRule::Ratio, 1000, 0.0).len(), 1, "no tuning");
}
