//! Third step of a cell: measurements of the finished model.

use super::CellRunner;
use super::prepare::CellFacts;
use crate::measure::{Tests, distance, on_trigger, squared_weight_norm};
use crate::recovered_trigger::measure_recovery;
use anyhow::{Context, Result};
use unstamp_shared::job::{Job, Rates};
use unstamp_shared::metrics::{Report, der};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::result::Recovery;
use unstamp_shared::seed::Seed;

/// The measurements of a finished model. The fields have the names of
/// [`unstamp_shared::result::CellResult`].
pub(super) struct Measured {
    /// Rates on all test images.
    pub report: Report,
    /// Rates on the images to choose settings by.
    pub validation: Option<Rates>,
    /// Rates of other points of a curve between models, by position.
    pub points: Vec<(f64, Rates)>,
    /// Defence effectiveness rate against the victim.
    pub der: Option<f64>,
    /// Distance between the attention of teacher and student.
    pub attention_distance: Option<f64>,
    /// Share of every group's attention that the trigger attracts.
    pub attention_on_trigger: Vec<f64>,
    /// Comparison of the trigger that a defence recovered with the true one.
    pub recovered: Option<Recovery>,
    /// Sum of the squares of all convolution weights.
    pub squared_weight_norm: f64,
}

/// The defence effectiveness rate (DER) of a model and its victim; `None` if one has no ASR.
fn effectiveness(victim: &Report, model: &Report) -> Option<f64> {
    let before = (victim.acc.value, victim.asr?.value);
    let after = (model.acc.value, model.asr?.value);
    Some(der(before, after))
}

impl CellRunner<'_> {
    /// ACC and ASR of a model on `tests`.
    pub(super) fn evaluate(&self, tests: &Tests, arch: &Arch, weights: &Arrays) -> Result<Rates> {
        let (report, _) = tests.measure(arch, weights, self.device)?;
        Ok(Rates::from(&report))
    }

    /// Measures the model of a finished job on all test images; points of a curve on `sample`.
    pub(super) fn measure(
        &self,
        job: &Job,
        facts: &CellFacts,
        tests: &Tests,
        sample: &Tests,
        seed: Seed,
    ) -> Result<Measured> {
        let arch = &facts.arch;
        let model = job.result().context("the job ended without a model")?;
        let test = tests.clean();
        let mut points = Vec::new();
        for (position, weights) in pollster::block_on(job.points())? {
            points.push((position, self.evaluate(sample, arch, &weights)?));
        }
        let (report, _) = tests.measure(arch, model, self.device)?;
        let validation = match &self.validation {
            Some(split) => {
                let tests = Tests::new(split.clone(), facts.trigger());
                Some(self.evaluate(&tests, arch, model)?)
            }
            None => None,
        };
        let attention_distance = match job.teacher() {
            Some((its, teacher)) => {
                Some(distance((&its, teacher), (arch, model), test, self.device)?)
            }
            None => None,
        };
        let attention_on_trigger = match facts.trigger() {
            Some(trigger) => on_trigger(arch, model, test, trigger, self.device)?,
            None => Vec::new(),
        };
        Ok(Measured {
            validation,
            points,
            der: facts.victim.as_ref().and_then(|victim| effectiveness(victim, &report)),
            attention_distance,
            attention_on_trigger,
            recovered: measure_recovery(
                job.outputs(),
                arch,
                test,
                facts.trigger(),
                seed,
                self.device,
            )?,
            squared_weight_norm: squared_weight_norm(model),
            report,
        })
    }
}
