//! Fine-pruning: prune the channels that are least active on clean images, then fine-tune.

mod search;
mod target;

use super::training::TrainingSettings;
use super::{DefenceInput, Reported, TypedDefence};
use crate::BoxFuture;
use crate::job::{
    Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Start, TrainPhase, Training,
};
use crate::objectives::CrossEntropy;
use search::{activations, ranked, search};
use std::sync::Arc;
use target::Target;
use unstamp_data::datasets::Split;
use unstamp_data::method::Method;
use unstamp_data::{choices, settings};
use unstamp_networks::evaluate::accuracy;
use unstamp_networks::model::weights::{self, WeightsError};

/// [Liu et al. (2018)](https://arxiv.org/abs/1805.12185) as in NAD appendix A. The channels of the last
/// convolution are ranked by their mean activation on the clean subset, after batch normalisation and
/// ReLU, over positions; in a PreAct-ResNet18 by the mean of the last residual sum. The least active
/// ones are pruned. Their number:
///
/// - `rule = "match"`, the paper's: the number with which the validation accuracy before fine-tuning
///   is nearest to NAD's in the same cell;
/// - `rule = "drop"`: the largest number that costs at most `drop` points of validation accuracy;
/// - `rule = "ratio"`: a fixed share. It also holds where there are too few validation images.
///
/// A pruned channel's kernel is 0 ([`Pruned::Convolution`]). A normalisation that reads only this
/// convolution (VGG) becomes 0 with it; then no gradient reaches the kernel. In a residual network the
/// skip connection still reaches the channel, and the tuning may change its kernel again.
///
/// After pruning, the network is fine-tuned on the whole clean subset with `tune_scale` times the usual
/// learning rate. The paper does not say how it tuned. Its table 1 reports models with the ACC of NAD and
/// an ASR of up to 99.7 %. At NAD's learning rate of 0.1, fine-tuning alone erases such backdoors here, so
/// the default rate is a hundredth of it. `tune_scale = 0` leaves the tuning out. This project's earlier
/// reading is `prune = "channel", tune_scale = 1`.
pub struct FinePruning;

/// A rule that chooses the number of channels by validation images.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// The number whose accuracy is nearest to that of the phase's reference.
    Match,
    /// The largest number that costs at most so many points.
    Drop(f64),
}

/// The edit that prunes channels.
#[derive(Debug)]
struct Prune {
    /// The rule that chooses the number of channels; `None` for a fixed share.
    rule: Option<Rule>,
    /// The share of the channels that is pruned where no rule chooses.
    ratio: f64,
    /// The weights of a channel that are pruned.
    pruned: Pruned,
}

impl Prune {
    /// The number of channels that the rule chooses, and the validation accuracy with that number;
    /// `None` if the curve is empty.
    async fn chosen(
        rule: Rule,
        context: &EditContext<'_>,
        curve: &[(usize, f64)],
        split: &Split,
        measured: &mut Vec<(String, f64)>,
    ) -> Result<Option<(usize, f64)>, PhaseError> {
        // From the largest number on: pruning more erases more.
        let mut points = curve.iter().rev().copied();
        match rule {
            Rule::Match => {
                let nad = context.references.first();
                let nad = nad.ok_or(PhaseError::Missing(PhaseInput::Model))?;
                let rate = accuracy(context.arch, &nad.weights, split, context.device).await?;
                let goal = rate.value;
                measured.push(("accuracy_to_match".to_string(), goal));
                let off = |point: &(usize, f64)| (point.1 - goal).abs();
                Ok(points.min_by(|a, b| off(a).total_cmp(&off(b))))
            }
            Rule::Drop(cost) => {
                let full = curve.first().map_or(0.0, |point| point.1);
                let found = points.find(|point| point.1 >= full - cost / 100.0);
                Ok(found.or(curve.first().copied()))
            }
        }
    }

    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let description = context.arch.describe().map_err(WeightsError::from)?;
        let target = Target::of(&description, self.pruned).ok_or(PhaseError::NoConvolution)?;
        let network = weights::frozen(context.arch, context.weights, context.device)?;
        let rows = activations(&network, &target, context.data, context.device).await?;
        let order = ranked(&rows);
        let most = order.len().saturating_sub(1);
        let mut count = ((self.ratio * order.len() as f64).round() as usize).min(most);
        let mut measured = Vec::new();
        if let (Some(split), Some(rule)) = (context.validation, self.rule) {
            let curve = search(&context, &network, &target, &order, split).await?;
            let chosen = Self::chosen(rule, &context, &curve, split, &mut measured).await?;
            if let Some((channels, accuracy)) = chosen {
                count = channels;
                measured.push(("validation_accuracy".to_string(), accuracy));
            }
        }
        measured.push(("pruned_channels".to_string(), count as f64));
        measured.push(("channels".to_string(), order.len() as f64));
        let weights = target.pruned(context.weights, &order[..count]);
        Ok(Edited { output: weights.into(), measured })
    }
}

/// The training after pruning. Nothing is chosen by validation images any more, so it sees them too.
fn tuning(training: Training) -> Phase {
    let train_step = Arc::new(CrossEntropy);
    let train_phase = TrainPhase { all_images: true, ..TrainPhase::new(train_step, training) };
    Phase::training("fine_tune", train_phase)
}

impl Edit for Prune {
    fn needs_validation(&self) -> bool {
        self.rule.is_some()
    }

    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

choices! {
    /// The weights of a channel that are pruned.
    pub enum Pruned {
        /// Its kernel in the last convolution, as NAD says.
        Convolution = "convolution",
        /// Also the last normalisation; in a WideResNet the skip connection then has no effect either.
        Channel = "channel",
    }
}

choices! {
    /// How the number of pruned channels is chosen.
    pub enum PruneRule {
        /// By the accuracy of NAD in the same cell.
        Match = "match",
        /// By the accuracy that it costs.
        Drop = "drop",
        /// A fixed share of the channels.
        Ratio = "ratio",
    }
}

settings! {
    /// The settings of [`FinePruning`].
    pub struct FinePruningSettings {
        /// The tuning after pruning, but for its learning rate, and NAD's training if the rule is `match`.
        training: TrainingSettings = TrainingSettings::default();
        /// How the number of channels is chosen.
        rule: PruneRule = PruneRule::Match, "how the number of pruned channels is chosen";
        /// Accuracy that pruning may cost, in points.
        drop: f64 [0.0..=100.0] = 4.0,
            "points of validation accuracy that pruning may cost (rule drop)";
        /// Share of the channels, if it is fixed.
        ratio: f64 [0.0..=1.0] = 0.5, "share of the channels (rule ratio)";
        /// The weights of a channel that are pruned.
        prune: Pruned = Pruned::Convolution,
            "what is pruned: the channel's kernel, or also the normalisation after it";
        /// Learning rate of the tuning, as a multiple of `lr`.
        tune_scale: f64 [0.0..=1.0] = 0.01,
            "learning rate after pruning as a share of lr; 0: no tuning; 1: as in fine-tuning";
    }
}

impl TypedDefence for FinePruning {
    type Settings = FinePruningSettings;

    fn method(&self) -> Method {
        Method {
            id: "fine_prune",
            title: "Fine-pruning",
            paper: "Liu et al. 2018; NAD section 4.1, appendix A",
            summary: "Prunes the channels that are least active on clean images, then fine-tunes.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 81.14, asr: 99.73 },
            Reported { attack: "trojan", acc: 78.17, asr: 41.00 },
            Reported { attack: "blend", acc: 81.13, asr: 93.62 },
            Reported { attack: "clean_label", acc: 79.32, asr: 29.88 },
            Reported { attack: "sig", acc: 81.60, asr: 74.26 },
        ]
    }

    fn phases(&self, settings: &FinePruningSettings, given: &DefenceInput) -> Vec<Phase> {
        let rule = match settings.rule {
            PruneRule::Match => Some(Rule::Match),
            PruneRule::Drop => Some(Rule::Drop(settings.drop)),
            PruneRule::Ratio => None,
        };
        let rule = rule.filter(|_| given.has_validation_images());
        let training = settings.training.training(given.flip);
        let mut phases =
            if rule == Some(Rule::Match) { super::nad::standard(&training) } else { Vec::new() };
        let nad = phases.len().checked_sub(1).map(Start::Phase);
        let prune = Arc::new(Prune { rule, ratio: settings.ratio, pruned: settings.prune });
        phases.push(Phase::edit("prune", prune).with_references(nad));
        if settings.tune_scale > 0.0 {
            let pruned = Start::Phase(phases.len() - 1);
            let lr = training.lr * settings.tune_scale;
            phases.push(tuning(Training { lr, ..training }).from(pruned));
        }
        phases
    }
}

#[cfg(test)]
mod tests;
