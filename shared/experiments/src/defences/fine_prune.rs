//! Fine-pruning: silence the channels clean images do not use, then fine-tune.

use super::training::{TrainingSettings, fine_tuning};
use super::{Given, Reported, TypedDefence};
use crate::Later;
use crate::job::{Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Start};
use burn::tensor::Device;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::method::Method;
use unstamp_data::{choices, settings};
use unstamp_networks::batches::batches;
use unstamp_networks::evaluate::{BATCH, accuracy, largest};
use unstamp_networks::model::weights::{self, Array, Arrays, WeightsError};
use unstamp_networks::model::{Description, Frozen, Layer, Operation, Value};

/// Liu et al. (2018) as in NAD appendix A: the channels of the last convolution are ranked by their
/// mean activation on the clean subset (after batch normalisation and ReLU, over places) and the
/// least active are pruned. How many: so many that the validation accuracy comes nearest to NAD's
/// in the same cell (the paper's rule, which runs NAD first); as many as cost at most `drop` points
/// (`rule = "drop"`); or a fixed `ratio`. The last also holds where there are too few clean images
/// to set enough aside. The accuracy matched is that before fine-tuning.
///
/// A pruned channel's kernel and the normalisation after it are 0. Then no gradient reaches them (ReLU
/// has none at 0), so fine-tuning cannot wake the channel: no mask is needed. In a WideResNet this
/// normalisation reads the residual sum, so the channel's skip connection is silenced too. In a
/// PreAct-ResNet18 no normalisation follows the last convolution: only the kernel becomes 0, and
/// fine-tuning may wake the channel.
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

/// The convolution that is pruned, and whether nothing but its channels reaches the last layer.
struct Target {
    /// Arrays with one entry for each channel, all of which become 0.
    arrays: Vec<String>,
    /// Name of the last layer, if it reads the mean of each of these channels and nothing else.
    readout: Option<String>,
}

impl Target {
    /// The last convolution of a network.
    fn of(network: &Description) -> Option<Self> {
        let conv = network.last_convolution()?;
        let norm = network.last_norm()?;
        let mut arrays = vec![format!("{}.weight", conv.name), format!("{}.bias", conv.name)];
        let at = |layer: &Layer| network.layers.iter().position(|l| l.name == layer.name);
        let normalised = at(norm) > at(conv);
        if normalised {
            arrays.push(format!("{}.weight", norm.name));
            arrays.push(format!("{}.bias", norm.name));
        }
        let last = network.layers.last()?;
        let pool = Operation::AveragePool { size: 1 };
        let direct = matches!(last.input, Value::Layer(i) if network.layers[i].operation == pool);
        let readout = (normalised && direct).then(|| last.name.clone());
        Some(Self { arrays, readout })
    }
}

/// Mean activation of each channel for every image of a split, `[images][channels]`: of what the
/// last layer reads, or of the last feature where the last layer reads something else.
async fn activations(
    network: &Frozen,
    target: &Target,
    split: &Split,
    device: &Device,
) -> Result<Vec<Vec<f32>>, WeightsError> {
    let mut rows = Vec::new();
    for batch in batches(split, BATCH) {
        let output = network.forward(batch.images(device));
        let means = match (&target.readout, output.features.last()) {
            (None, Some(feature)) => {
                let [n, c, h, w] = feature.dims();
                feature.clone().reshape([n, c, h * w]).mean_dim(2).reshape([n, c])
            }
            _ => output.pooled,
        };
        let [_, channels] = means.dims();
        let values = weights::read(vec![means.flatten(0, 1)]).await?.remove(0);
        rows.extend(values.chunks_exact(channels).map(<[f32]>::to_vec));
    }
    Ok(rows)
}

/// Accuracies with no channel silenced, with the first of `order`, with the first two, and so on,
/// but never with all. A silenced channel takes only its own share out of the logits, so one pass of
/// the network gives all accuracies.
fn accuracies(
    last: &Array,
    bias: &[f32],
    rows: &[Vec<f32>],
    labels: &[u16],
    order: &[usize],
) -> Vec<f64> {
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
fn silenced(weights: &Arrays, target: &Target, channels: &[usize]) -> Arrays {
    let mut weights = weights.clone();
    for name in &target.arrays {
        let Some(array) = weights.get_mut(name) else { continue };
        let stride = array.values.len() / array.shape[0].max(1);
        for c in channels {
            array.values[c * stride..(c + 1) * stride].fill(0.0);
        }
    }
    weights
}

/// Steps of the search for the number of channels where every step costs a pass over the validation
/// images.
const STEPS: usize = 16;

/// Validation accuracy by the number of silenced channels: `(channels, accuracy)`, from none on.
async fn search(
    context: &EditContext<'_>,
    network: &Frozen,
    target: &Target,
    order: &[usize],
    split: &Split,
) -> Result<Vec<(usize, f64)>, WeightsError> {
    let array = |part: &str| {
        let name = target.readout.as_ref().map(|layer| format!("{layer}.{part}"))?;
        context.weights.get(&name)
    };
    if let (Some(last), Some(bias)) = (array("weight"), array("bias")) {
        let rows = activations(network, target, split, context.device).await?;
        let curve = accuracies(last, &bias.values, &rows, &split.labels, order);
        return Ok(curve.into_iter().enumerate().collect());
    }
    let mut curve = Vec::new();
    for step in 0..STEPS {
        let count = step * order.len() / STEPS;
        let weights = silenced(context.weights, target, &order[..count]);
        let rate = accuracy(context.arch, &weights, split, context.device).await?;
        curve.push((count, rate.value));
    }
    Ok(curve)
}

impl Prune {
    /// The number of channels that the rule wants, and the validation accuracy with that number.
    async fn chosen(
        &self,
        context: &EditContext<'_>,
        curve: &[(usize, f64)],
        split: &Split,
        measured: &mut Vec<(String, f64)>,
    ) -> Result<Option<(usize, f64)>, PhaseError> {
        // From the largest number on: pruning more erases more.
        let mut points = curve.iter().rev().copied();
        match self.rule {
            Rule::Match => {
                let other = context.references.first();
                let other = other.ok_or(PhaseError::Missing(PhaseInput::Model))?;
                let rate = accuracy(context.arch, &other.weights, split, context.device).await?;
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
            Rule::Ratio => Ok(None),
        }
    }

    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let description = context.arch.describe().map_err(WeightsError::from)?;
        let target = Target::of(&description).ok_or(PhaseError::Missing(PhaseInput::Model))?;
        let network = weights::frozen(context.arch, context.weights, context.device)?;
        let rows = activations(&network, &target, context.data, context.device).await?;
        let order = ranked(&rows);
        let most = order.len().saturating_sub(1);
        let mut count = ((self.ratio * order.len() as f64).round() as usize).min(most);
        let mut measured = Vec::new();
        if let (Some(split), false) = (context.validation, self.rule == Rule::Ratio) {
            let curve = search(&context, &network, &target, &order, split).await?;
            let chosen = self.chosen(&context, &curve, split, &mut measured).await?;
            if let Some((channels, accuracy)) = chosen {
                count = channels;
                measured.push(("validation_accuracy".to_string(), accuracy));
            }
        }
        measured.push(("pruned_channels".to_string(), count as f64));
        measured.push(("channels".to_string(), order.len() as f64));
        let weights = silenced(context.weights, &target, &order[..count]);
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
        /// The training after pruning.
        training: TrainingSettings = TrainingSettings::default();
        /// How the number of channels is chosen.
        rule: PruneRule = PruneRule::Match, "how much is pruned";
        /// Accuracy that pruning may cost, in points.
        drop: f64 [0.0..=100.0] = 4.0, "points of accuracy it may cost";
        /// Share of the channels, if it is fixed.
        ratio: f64 [0.0..=1.0] = 0.5, "share of channels, where fixed";
    }
}

impl TypedDefence for FinePruning {
    type Settings = FinePruningSettings;

    fn method(&self) -> Method {
        Method {
            id: "fine_prune",
            title: "Fine-pruning",
            paper: "Liu et al. 2018; NAD section 4.1, appendix A",
            summary: "Silences the channels that clean images use least, then fine-tunes.",
        }
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

    fn phases(&self, settings: &FinePruningSettings, given: &Given) -> Vec<Phase> {
        let rule = match settings.rule {
            PruneRule::Match if given.validates() => Rule::Match,
            PruneRule::Drop if given.validates() => Rule::Drop(settings.drop),
            _ => Rule::Ratio,
        };
        let training = settings.training.training(given.flip);
        let mut phases =
            if rule == Rule::Match { super::nad::standard(&training) } else { Vec::new() };
        let nad = phases.len().checked_sub(1).map(Start::Phase);
        let prune = Arc::new(Prune { rule, ratio: settings.ratio });
        phases.push(Phase::edit("prune", prune).with_references(nad));
        let pruned = Start::Phase(phases.len() - 1);
        phases.push(fine_tuning("fine_tune", training).from(pruned));
        phases
    }
}
