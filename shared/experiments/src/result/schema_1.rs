//! Results of schema 1, in which the measurements of an edit stood among the epochs.

use crate::job::{Epoch, Measurement};

/// Names of the phases that were edits when schema 1 was written. Such a phase left one epoch with
/// number 0 and learning rate 0, and its measurements stood in the place of losses.
const EDITS: [&str; 5] = ["choose", "draw", "middle", "point", "prune"];

/// The epochs of a schema 1 curve that are trainings, and the measurements that its edits left.
pub(super) fn separated(curve: Vec<Epoch>) -> (Vec<Epoch>, Vec<Measurement>) {
    let is_edit = |epoch: &Epoch| epoch.lr == 0.0 && EDITS.contains(&epoch.phase.as_str());
    let (edits, epochs): (Vec<_>, Vec<_>) = curve.into_iter().partition(is_edit);
    let measurements = edits.into_iter().flat_map(|Epoch { phase, losses, .. }| {
        let of_phase = move |(name, value)| Measurement { phase: phase.clone(), name, value };
        losses.into_iter().map(of_phase)
    });
    (epochs, measurements.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(phase: &str, lr: f64, name: &str, value: f64) -> Epoch {
        let losses = vec![(name.to_string(), value)];
        Epoch { phase: phase.to_string(), epoch: 0, lr, losses, measured: Vec::new(), rates: None }
    }

    #[test]
    fn only_edits_become_measurements() {
        let still = epoch("scan", 0.0, "cross_entropy", 1.5);
        let trained = epoch("retrain", 0.1, "cross_entropy", 0.5);
        let edit = epoch("choose", 0.0, "target", 3.0);
        let (curve, measurements) = separated(vec![still.clone(), edit, trained.clone()]);
        assert_eq!(curve, [still, trained]);
        let phase = "choose".to_string();
        assert_eq!(measurements, [Measurement { phase, name: "target".to_string(), value: 3.0 }]);
    }
}
