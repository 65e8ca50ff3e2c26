//! Mode connectivity repair: a point on a curve of low loss between two models.

use super::training::{SgdSettings, TrainingSettings, cross_entropy_phase};
use super::{DefenceInput, Reported, TypedDefence};
use crate::BoxFuture;
use crate::job::{
    Augment, Batch, Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Schedule, Start,
    TrainStep,
};
use crate::objectives::{Loss, cross_entropy};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::{choices, settings};
use unstamp_networks::batches::batches;
use unstamp_networks::evaluate::BATCH;
use unstamp_networks::model::layers::MOMENTUM;
use unstamp_networks::model::parameters::blended;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{RGB, Role};

/// [Zhao et al. (2020)](https://arxiv.org/abs/2005.00060) as in NAD appendices A and C. A curve leads
/// from the weights `w0` to the weights `w1`. It is a Bezier curve or two straight lines that meet in
/// `theta`:
///
/// `phi(t) = (1 - t)^2 w0 + 2 t (1 - t) theta + t^2 w1`, with `t` from 0 to 1.
///
/// Only `theta` is trained. The loss of a batch is `CE(f_phi(t)) + wd / 2 |phi(t)|^2`, with a new `t`
/// from U(0, 1) for every batch. The defended model is `phi(0.3)`; `t` is fixed before the run. A
/// point between two models has no batch normalisation statistics of its own, so they are computed
/// again on the clean subset: cropped and flipped as in the public code, or on the images as they are.
/// `w0` is the victim. `w1` is the victim too (appendix A), or the fine-tuned victim (table 5).
/// `theta` starts as the mean of both. The defaults are those of the [public
/// code](https://github.com/IBM/model-sanitization): learning rate 0.01, weight decay 1e-4, batch 128,
/// crop and flip. That code repeats 2,500 clean images until they are 10,000 (in another script 50,000)
/// and trains for 100 epochs of them: 7,900 (39,100) steps. 400 epochs of the clean subset are as many
/// images as the former. The learning rate is constant for half of the epochs and then falls linearly
/// to 1 % at nine tenths.
pub struct ModeConnectivity;

choices! {
    /// The form of the curve.
    pub enum Curve {
        /// A quadratic Bezier curve.
        Bezier = "bezier",
        /// Two straight lines.
        Chain = "chain",
    }
}

choices! {
    /// The second end of the curve.
    pub enum End {
        /// The victim (NAD appendix A).
        Victim = "victim",
        /// The victim after fine-tuning (NAD table 5).
        FineTuned = "finetuned",
    }
}

choices! {
    /// The images on which the statistics of batch normalisation are computed again.
    pub enum Statistics {
        /// The clean subset as it is.
        Plain = "plain",
        /// The clean subset with the augmentation of the training.
        Augmented = "augmented",
    }
}

settings! {
    /// The settings of [`ModeConnectivity`].
    pub struct ModeConnectivitySettings {
        /// The training of the bend.
        sgd: SgdSettings =
            SgdSettings { lr: 0.01, epochs: 400, batch: 128, cutout: 0, ..SgdSettings::default() };
        /// The second end; the first is the victim.
        ends: End = End::Victim, "the second end of the curve; the first is the victim";
        /// The form of the curve.
        curve: Curve = Curve::Bezier, "form of the curve";
        /// The point of the curve that becomes the defended model.
        t: f64 [0.0..=1.0] = 0.3, "point of the curve that is the defended model, from 0 to 1";
        /// The images on which the statistics are computed again.
        statistics: Statistics = Statistics::Augmented,
            "images on which batch normalisation statistics are computed again; augmented: as in the training";
    }
}

impl Curve {
    /// Shares of `w0`, `theta` and `w1` at `t`. They sum to 1; at 0 and 1 only an end is left.
    fn shares(self, t: f32) -> [f32; 3] {
        match self {
            Self::Bezier => [(1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t],
            Self::Chain if t < 0.5 => [1.0 - 2.0 * t, 2.0 * t, 0.0],
            Self::Chain => [0.0, 2.0 - 2.0 * t, 2.0 * t - 1.0],
        }
    }

    /// `phi(t)` of every array, statistics included.
    fn at(self, t: f32, [first, bend, last]: [&Arrays; 3]) -> Arrays {
        let [a, b, c] = self.shares(t);
        combined(&[(a, first), (b, bend), (c, last)])
    }
}

/// The sum of every array's values times the share of its model, statistics included.
fn combined(parts: &[(f32, &Arrays)]) -> Arrays {
    let Some(((share, first), others)) = parts.split_first() else { return Arrays::new() };
    let mut sum = (*first).clone();
    for (name, array) in &mut sum {
        array.values.iter_mut().for_each(|value| *value *= share);
        for (share, other) in others {
            let values = array.values.iter_mut().zip(&other[name].values);
            values.for_each(|(value, other)| *value += share * other);
        }
    }
    sum
}

/// Trains the bend; the references are the ends.
#[derive(Debug)]
struct Bend {
    curve: Curve,
    weight_decay: f32,
}

impl TrainStep for Bend {
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let [first, last] = batch.references else {
            return Err(PhaseError::Missing(PhaseInput::CurveEnds));
        };
        let [a, b, c] = self.curve.shares(batch.random.unit());
        let ends = [(a, &first.weights), (c, &last.weights)];
        let (mut point, squares) = blended(batch.student, b, &ends);
        let logits = point.forward_train(batch.images.clone()).logits;
        let ce = cross_entropy(logits, batch.labels.clone());
        let total = ce.clone() + squares * (self.weight_decay / 2.0);
        Ok(Loss { total, parts: vec![("cross_entropy", ce)] })
    }
}

/// Weights whose batch normalisation statistics are means over the batches of the context's images.
async fn with_statistics(
    weights: &Arrays,
    augment: Augment,
    EditContext { arch, data, device, mut random, .. }: EditContext<'_>,
) -> Result<Arrays, WeightsError> {
    let description = arch.describe().map_err(WeightsError::from)?;
    let statistics = description.parameters().into_iter().filter(|p| p.role == Role::Statistic);
    let statistics: BTreeSet<String> = statistics.map(|p| p.name).collect();
    let running = |name: &str| statistics.contains(name);
    let mut blank = weights.clone();
    blank.iter_mut().filter(|(name, _)| running(name)).for_each(|(_, a)| a.values.fill(0.0));
    let mut updated = blank.clone();
    let mut data = Cow::Borrowed(data);
    if augment != Augment::default() {
        let width = data.width;
        let height = data.height;
        // One stream gives all draws, so one image is augmented after another, before threads prepare them.
        for pixels in data.to_mut().pixels.chunks_exact_mut(RGB * width * height) {
            augment.apply(pixels, width, height, &mut random);
        }
    }
    for batch in batches(&data, BATCH) {
        let mut network = weights::network(arch, &blank, device)?;
        network.forward_train(batch.images(device));
        // From 0, one pass leaves the batch's statistics times the momentum.
        let share = batch.len() as f32 / data.len() as f32 / MOMENTUM;
        let seen = weights::arrays(&network).await?;
        for (name, array) in updated.iter_mut().filter(|(name, _)| running(name)) {
            array.values.iter_mut().zip(&seen[name].values).for_each(|(a, b)| *a += share * b);
        }
    }
    Ok(updated)
}

/// `phi(t)` of the phase's student as bend between its references.
#[derive(Debug)]
struct Point {
    curve: Curve,
    t: f32,
    /// Augmentation of the images on which statistics are computed.
    augment: Augment,
}

impl Point {
    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let [first, last] = context.references[..] else {
            return Err(PhaseError::Missing(PhaseInput::CurveEnds));
        };
        let point = self.curve.at(self.t, [&first.weights, context.weights, &last.weights]);
        let weights = with_statistics(&point, self.augment, context).await?;
        Ok(Edited { output: weights.into(), measured: vec![("t".to_string(), f64::from(self.t))] })
    }
}

impl Edit for Point {
    fn points(&self) -> Vec<(f64, Arc<dyn Edit>)> {
        let tenth = |i: u8| {
            let point = Self { t: f32::from(i) / 10.0, ..*self };
            (f64::from(i) / 10.0, Arc::new(point) as Arc<dyn Edit>)
        };
        (0..=10).map(tenth).collect()
    }

    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

/// The mean of the student's weights and the first reference's, statistics included.
#[derive(Debug)]
struct Mean;

impl Edit for Mean {
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(async move {
            let other = context.references.first();
            let other = other.ok_or(PhaseError::Missing(PhaseInput::Model))?;
            let mean = combined(&[(0.5, context.weights), (0.5, &other.weights)]);
            Ok(Edited { output: mean.into(), measured: Vec::new() })
        })
    }
}

impl TypedDefence for ModeConnectivity {
    type Settings = ModeConnectivitySettings;

    fn method(&self) -> Method {
        Method {
            id: "mcr",
            title: "Mode connectivity repair",
            paper: "Zhao et al. 2020; NAD appendices A and C",
            summary: "Trains a curve between two models on the clean subset and takes a point on it.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 80.94, asr: 4.65 },
            Reported { attack: "trojan", acc: 78.76, asr: 41.25 },
            Reported { attack: "blend", acc: 80.34, asr: 64.33 },
            Reported { attack: "clean_label", acc: 79.04, asr: 32.95 },
            Reported { attack: "sig", acc: 80.94, asr: 1.62 },
        ]
    }

    fn phases(&self, settings: &ModeConnectivitySettings, given: &DefenceInput) -> Vec<Phase> {
        let mut phases = Vec::new();
        let mut last = Start::Victim;
        let mut middle = Start::Victim;
        if settings.ends == End::FineTuned {
            let training = TrainingSettings::default().training(given.flip);
            phases.push(cross_entropy_phase("fine_tune", training));
            phases.push(Phase::edit("middle", Arc::new(Mean)).with_references([Start::Phase(0)]));
            last = Start::Phase(0);
            middle = Start::Phase(1);
        }
        let ends = [Start::Victim, last];
        let curve = settings.curve;
        // The L2 penalty is on phi(t), in the loss; SGD adds none on theta.
        let weight_decay = settings.sgd.weight_decay as f32;
        let sgd = SgdSettings { weight_decay: 0.0, ..settings.sgd.clone() };
        let training = sgd.training(Schedule::FlatThenLinear, given.flip);
        let augment = match settings.statistics {
            Statistics::Plain => Augment::default(),
            Statistics::Augmented => training.augment,
        };
        let bend = Phase::train("curve", Arc::new(Bend { curve, weight_decay }), training);
        phases.push(bend.from(middle).with_references(ends.clone()));
        let bend = Start::Phase(phases.len() - 1);
        let point = Arc::new(Point { curve, t: settings.t as f32, augment });
        phases.push(Phase::edit("point", point).from(bend).with_references(ends));
        phases
    }
}

#[cfg(test)]
mod tests;
