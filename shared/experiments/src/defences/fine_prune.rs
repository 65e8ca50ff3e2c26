//! Fine-pruning: silence the channels clean images do not use, then fine-tune.

use super::fine_tune::{phase, training, training_params};
use super::{Defence, Given, Reported};
use crate::Later;
use crate::job::{Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Start};
use burn::tensor::Device;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::method::{Method, Param};
use unstamp_networks::batches::batches;
use unstamp_networks::evaluate::{BATCH, accuracy, largest};
use unstamp_networks::model::Frozen;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};

/// Liu et al. (2018) as in NAD appendix A: the channels of the last convolution are ranked by their
/// mean activation on the clean subset (after batch normalisation and ReLU, over places) and the
/// least active are pruned. How many: so many that the validation accuracy comes nearest to NAD's
/// in the same cell (the paper's rule, which runs NAD first); as many as cost at most `drop` points
/// (`rule = "drop"`); or a fixed `ratio`. The last also holds where there are too few clean images
/// to set enough aside. The accuracy matched is that before fine-tuning.
///
/// A pruned channel's kernel and its last normalisation are 0. Then no gradient reaches them (ReLU
/// has none at 0), so fine-tuning cannot wake the channel: no mask is needed.
pub struct FinePruning;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// Nearest to the accuracy of the phase's other model.
    Match,
    /// The largest that costs at most so many points.
    Drop(f64),
    Ratio,
}

#[derive(Debug)]
struct Prune {
    rule: Rule,
    ratio: f64,
}

/// Input of the last layer for every image of a split, `[images][channels]`.
async fn pooled(
    network: &Frozen,
    split: &Split,
    device: &Device,
) -> Result<Vec<Vec<f32>>, WeightsError> {
    let mut rows = Vec::new();
    for batch in batches(split, BATCH) {
        let seen = network.forward(batch.images(device)).pooled;
        let [_, channels] = seen.dims();
        let values = weights::read(vec![seen.flatten(0, 1)]).await?.remove(0);
        rows.extend(values.chunks_exact(channels).map(<[f32]>::to_vec));
    }
    Ok(rows)
}

/// Accuracies with no channel silenced, with the first of `order`, with the first two, and so on,
/// but never with all. A silenced channel takes only its own share out of the logits, so one pass of
/// the network gives all accuracies.
fn accuracies(weights: &Arrays, rows: &[Vec<f32>], labels: &[u16], order: &[usize]) -> Vec<f64> {
    let last = &weights["fc.weight"];
    let bias = &weights["fc.bias"].values;
    let channels = order.len();
    let share = |row: &[f32], class: usize, c: usize| last.values[class * channels + c] * row[c];
    let mut logits: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| {
            let sum = |k: usize| bias[k] + (0..channels).map(|c| share(row, k, c)).sum::<f32>();
            (0..bias.len()).map(sum).collect()
        })
        .collect();
    let mut curve = Vec::new();
    for &channel in order {
        let right = logits.iter().zip(labels).filter(|(z, y)| largest(z) == usize::from(**y));
        curve.push(right.count() as f64 / rows.len().max(1) as f64);
        for (logits, row) in logits.iter_mut().zip(rows) {
            for (class, logit) in logits.iter_mut().enumerate() {
                *logit -= share(row, class, channel);
            }
        }
    }
    curve
}

/// Channels from the least to the most active on average; equal ones in their order.
fn ranked(rows: &[Vec<f32>]) -> Vec<usize> {
    let channels = rows.first().map_or(0, Vec::len);
    let sum = |c: usize| rows.iter().map(|row| f64::from(row[c])).sum::<f64>();
    let sums: Vec<f64> = (0..channels).map(sum).collect();
    let mut order: Vec<usize> = (0..channels).collect();
    order.sort_by(|a, b| sums[*a].total_cmp(&sums[*b]));
    order
}

/// The weights with channels of the last convolution silenced.
fn silenced(weights: &Arrays, last: &str, channels: &[usize]) -> Arrays {
    let mut weights = weights.clone();
    for name in [last, "bn1.weight", "bn1.bias"] {
        let Some(array) = weights.get_mut(name) else { continue };
        let stride = array.values.len() / array.shape[0].max(1);
        for c in channels {
            array.values[c * stride..(c + 1) * stride].fill(0.0);
        }
    }
    weights
}

impl Prune {
    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let blocks = context.arch.config().map_err(WeightsError::Arch)?.blocks();
        let last = format!("block3.layer.{}.conv2.weight", blocks - 1);
        let network = weights::frozen(context.arch, context.weights, context.device)?;
        let order = ranked(&pooled(&network, context.data, context.device).await?);
        let most = order.len().saturating_sub(1);
        let mut count = ((self.ratio * order.len() as f64).round() as usize).min(most);
        let mut measured = Vec::new();
        if let (Some(split), false) = (context.validation, self.rule == Rule::Ratio) {
            let rows = pooled(&network, split, context.device).await?;
            let curve = accuracies(context.weights, &rows, &split.labels, &order);
            // The largest of equals: pruning more erases more.
            let mut counts = (0..=most).rev();
            count = match self.rule {
                Rule::Match => {
                    let other = context.references.first();
                    let other = other.ok_or(PhaseError::Missing(PhaseInput::Model))?;
                    let goal =
                        accuracy(context.arch, &other.weights, split, context.device).await?.value;
                    measured.push(("accuracy_to_match".to_string(), goal));
                    let off = |i: &usize| (curve[*i] - goal).abs();
                    counts.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0)
                }
                Rule::Drop(points) => {
                    counts.find(|i| curve[*i] >= curve[0] - points / 100.0).unwrap_or(0)
                }
                Rule::Ratio => count,
            };
            measured.push(("validation_accuracy".to_string(), curve[count]));
        }
        measured.push(("pruned_channels".to_string(), count as f64));
        measured.push(("channels".to_string(), order.len() as f64));
        let weights = silenced(context.weights, &last, &order[..count]);
        Ok(Edited { output: weights.into(), measured })
    }
}

impl Edit for Prune {
    fn validates(&self) -> bool {
        self.rule != Rule::Ratio
    }

    fn edit<'a>(&'a self, context: EditContext<'a>) -> Later<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

impl Defence for FinePruning {
    fn method(&self) -> Method {
        Method {
            id: "fine_prune",
            title: "Fine-pruning",
            paper: "Liu et al. 2018; NAD section 4.1, appendix A",
            summary: "Silences the channels that clean images use least, then fine-tunes.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        params.push(Param::choice("rule", "how much is pruned", &["match", "drop", "ratio"]));
        params.push(Param::float("drop", "points of accuracy it may cost", 0.0, 100.0, 4.0));
        params.push(Param::float("ratio", "share of channels, where fixed", 0.0, 1.0, 0.5));
        params
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            ("badnets", 81.14, 99.73),
            ("trojan", 78.17, 41.00),
            ("blend", 81.13, 93.62),
            ("clean_label", 79.32, 29.88),
            ("sig", 81.60, 74.26),
        ]
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let (drop, ratio) = (given.values.float("drop"), given.values.float("ratio"));
        let rule = match given.values.text("rule") {
            "match" if given.validates() => Rule::Match,
            "drop" if given.validates() => Rule::Drop(drop),
            _ => Rule::Ratio,
        };
        let mut phases = if rule == Rule::Match { super::nad::standard(given) } else { Vec::new() };
        let nad = phases.len().checked_sub(1).map(Start::Phase);
        phases.push(Phase::edit("prune", Arc::new(Prune { rule, ratio })).with_references(nad));
        let pruned = Start::Phase(phases.len() - 1);
        phases.push(phase("fine_tune", training(given)).from(pruned));
        phases
    }
}
