//! Looking at a running job from outside; nothing here changes what it computes.

use super::{Job, JobError, Phase, Start, Work};
use serde::{Deserialize, Serialize};
use unstamp_data::metrics::Report;
use unstamp_networks::model::Arch;
use unstamp_networks::model::weights::{self, Arrays};

/// What a model does on test images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    pub acc: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<f64>,
}

impl From<&Report> for Rates {
    fn from(report: &Report) -> Self {
        Self { acc: report.acc.value, asr: report.asr.map(|asr| asr.value) }
    }
}

impl Job {
    /// Remembers what the last finished epoch reached.
    pub fn record(&mut self, rates: Rates) {
        if let Some(epoch) = self.place.history.last_mut() {
            epoch.rates = Some(rates);
        }
    }

    /// The model as it would be if the running training ended now: its student, and what the edits
    /// right after it make of that.
    pub async fn so_far(&self) -> Result<Option<(Arch, Arrays)>, JobError> {
        let (Some(running), now) = (&self.running, self.place.phase) else { return Ok(None) };
        let mut weights = weights::arrays(&running.student).await?;
        let known = |start: &Start| !matches!(start, Start::Phase(i) if *i >= now);
        for (i, phase) in self.phases.iter().enumerate().skip(now + 1) {
            let follows = phase.student == Start::Phase(i - 1) && phase.others.iter().all(known);
            let (Work::Edit(edit), true) = (&phase.work, follows) else { break };
            weights = self.edited(phase, edit.as_ref(), &weights).await?.ended.weights;
        }
        Ok(Some((self.arch(&self.phases[now].student), weights)))
    }

    /// What the last phase could have ended with instead: points of its curve.
    pub async fn points(&self) -> Result<Vec<(f64, Arrays)>, JobError> {
        let mut points = Vec::new();
        let Some(phase @ Phase { work: Work::Edit(edit), .. }) = self.phases.last() else {
            return Ok(points);
        };
        let start = self.start(&phase.student).await?.weights;
        for (at, edit) in edit.points() {
            points.push((at, self.edited(phase, edit.as_ref(), &start).await?.ended.weights));
        }
        Ok(points)
    }
}
