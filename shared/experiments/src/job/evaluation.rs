//! Evaluation of a running job from outside. Nothing here changes what the job computes.

use super::{Job, JobError, Phase, Start, Work};
use serde::{Deserialize, Serialize};
use unstamp_data::metrics::Report;
use unstamp_networks::model::Arch;
use unstamp_networks::model::weights::{self, Arrays};

/// Rates of a model on test images, as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Clean accuracy.
    pub acc: f64,
    /// Attack success rate, if there is a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<f64>,
}

impl From<&Report> for Rates {
    fn from(report: &Report) -> Self {
        Self { acc: report.acc.value, asr: report.asr.map(|asr| asr.value) }
    }
}

impl Job {
    /// Stores the rates of the last finished epoch.
    pub fn record(&mut self, rates: Rates) {
        if let Some(epoch) = self.cursor.history.last_mut() {
            epoch.rates = Some(rates);
        }
    }

    /// The model as it would be if the running training ended now: its student, after the edits
    /// that directly follow. `None` if no training runs, or if the training does not change its
    /// student.
    ///
    /// # Errors
    ///
    /// As [`Job::next`].
    pub async fn so_far(&self) -> Result<Option<(Arch, Arrays)>, JobError> {
        let now = self.cursor.phase;
        let Some((running, phase)) = self.running.as_ref().zip(self.phases.get(now)) else {
            return Ok(None);
        };
        if matches!(&phase.work, Work::Train(train_phase) if !train_phase.train_step.changes_student())
        {
            return Ok(None);
        }
        let mut weights = weights::arrays(&running.student).await?;
        for (i, next) in self.phases.iter().enumerate().skip(now + 1) {
            let Work::Edit(edit) = &next.work else { break };
            let known = |start: &Start| !matches!(start, Start::Phase(i) if *i >= now);
            if next.student != Start::Phase(i - 1) || !next.references.iter().all(known) {
                break;
            }
            weights = self.edited(i, edit.as_ref(), &weights).await?.output.weights;
        }
        Ok(Some((self.arch(&phase.student), weights)))
    }

    /// Alternative ends of the last phase: points of its curve, by position.
    ///
    /// # Errors
    ///
    /// As [`Job::next`].
    pub async fn points(&self) -> Result<Vec<(f64, Arrays)>, JobError> {
        let mut points = Vec::new();
        let Some(phase @ Phase { work: Work::Edit(edit), .. }) = self.phases.last() else {
            return Ok(points);
        };
        let last = self.phases.len() - 1;
        let start = self.start(&phase.student).await?.weights;
        for (at, edit) in edit.points() {
            points.push((at, self.edited(last, edit.as_ref(), &start).await?.output.weights));
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_data::metrics::{Confusion, Rate};

    #[test]
    fn rates_are_those_of_the_report() {
        let mut report = Report {
            acc: Rate::new(3, 4),
            asr: Some(Rate::new(1, 2)),
            ra: Some(Rate::new(0, 2)),
            floor: None,
            confusion: Confusion::new(2),
            triggered: None,
        };
        assert_eq!(Rates::from(&report), Rates { acc: 0.75, asr: Some(0.5) });
        report.asr = None;
        assert_eq!(Rates::from(&report), Rates { acc: 0.75, asr: None });
    }
}
