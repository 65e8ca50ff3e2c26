//! The order in which channels are pruned, and the accuracy for each number of pruned channels.

use super::target::Target;
use crate::job::EditContext;
use burn::tensor::Device;
use unstamp_data::datasets::Split;
use unstamp_networks::batches::batches;
use unstamp_networks::evaluate::{BATCH, accuracy, largest};
use unstamp_networks::model::Frozen;
use unstamp_networks::model::weights::{self, Array, WeightsError};

/// Mean activation of each channel for every image of a split, `[images][channels]`: of what the
/// last layer reads, or of the last feature where the last layer reads something else.
///
/// # Errors
///
/// The device fails.
pub async fn activations(
    network: &Frozen,
    target: &Target,
    split: &Split,
    device: &Device,
) -> Result<Vec<Vec<f32>>, WeightsError> {
    let mut rows = Vec::new();
    for batch in batches(split, BATCH) {
        let output = network.forward(batch.images(device));
        let means = match (&target.readout, output.features.last()) {
            (None, Some(feature)) => feature.clone().mean().into_tensor().flatten(1, 3),
            _ => output.pooled,
        };
        let [_, channels] = means.dims();
        let values = weights::read(vec![means.flatten(0, 1)]).await?.remove(0);
        rows.extend(values.chunks_exact(channels).map(<[f32]>::to_vec));
    }
    Ok(rows)
}

/// Activations of each channel, `[images][channels]`, where no channel is pruned and where all are.
struct Activations {
    full: Vec<Vec<f32>>,
    pruned: Vec<Vec<f32>>,
}

/// Accuracies with no channel pruned, with the first of `order`, with the first two, and so on,
/// but never with all. A pruned channel changes only its own share of the logits, so two passes of
/// the network give all accuracies.
fn accuracies(
    last: &Array,
    bias: &[f32],
    rows: &Activations,
    labels: &[u16],
    order: &[usize],
) -> Vec<f64> {
    let channels = order.len();
    let share = |row: &[f32], class: usize, c: usize| last.values[class * channels + c] * row[c];
    let sums = |row: &Vec<f32>| -> Vec<f32> {
        let sum = |k: usize| bias[k] + (0..channels).map(|c| share(row, k, c)).sum::<f32>();
        (0..bias.len()).map(sum).collect()
    };
    let mut logits: Vec<Vec<f32>> = rows.full.iter().map(sums).collect();
    let mut curve = Vec::new();
    for &channel in order {
        let right = logits.iter().zip(labels).filter(|(z, y)| largest(z) == usize::from(**y));
        curve.push(right.count() as f64 / logits.len().max(1) as f64);
        for (logits, (full, pruned)) in logits.iter_mut().zip(rows.full.iter().zip(&rows.pruned)) {
            for (class, logit) in logits.iter_mut().enumerate() {
                *logit += share(pruned, class, channel) - share(full, class, channel);
            }
        }
    }
    curve
}

/// Channels from the least to the most active on average; equal ones in their order.
pub fn ranked(rows: &[Vec<f32>]) -> Vec<usize> {
    let channels = rows.first().map_or(0, Vec::len);
    let sum = |c: usize| rows.iter().map(|row| f64::from(row[c])).sum::<f64>();
    let sums: Vec<f64> = (0..channels).map(sum).collect();
    let mut order: Vec<usize> = (0..channels).collect();
    order.sort_by(|a, b| sums[*a].total_cmp(&sums[*b]));
    order
}

/// Steps of the search for the number of channels where every step costs a pass over the validation
/// images.
const STEPS: usize = 16;

/// Validation accuracy by the number of pruned channels: `(channels, accuracy)`, from none on.
///
/// # Errors
///
/// The weights do not fit the architecture, or the device fails.
pub async fn search(
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
        let emptied = target.pruned(context.weights, order);
        let emptied = weights::frozen(context.arch, &emptied, context.device)?;
        let rows = Activations {
            full: activations(network, target, split, context.device).await?,
            pruned: activations(&emptied, target, split, context.device).await?,
        };
        let curve = accuracies(last, &bias.values, &rows, &split.labels, order);
        return Ok(curve.into_iter().enumerate().collect());
    }
    let mut curve = Vec::new();
    for step in 0..STEPS {
        let count = step * order.len() / STEPS;
        let weights = target.pruned(context.weights, &order[..count]);
        let rate = accuracy(context.arch, &weights, split, context.device).await?;
        curve.push((count, rate.value));
    }
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_active_channel_is_pruned_first() {
        let rows = [vec![3.0, 1.0, 2.0], vec![3.0, 1.0, 0.0]];
        assert_eq!(ranked(&rows), [1, 2, 0], "equal channels keep their order");
        assert!(ranked(&[]).is_empty());
    }

    /// Two classes read one channel each; the bias of class 1 is 0.5. The first image has class 0.
    #[test]
    fn a_pruned_channel_changes_only_its_share_of_the_logits() {
        let last = Array { shape: vec![2, 2], values: vec![1.0, 0.0, 0.0, 1.0] };
        let rows = Activations {
            full: vec![vec![2.0, 1.0], vec![0.0, 1.0]],
            pruned: vec![vec![0.0, 0.0], vec![0.0, 0.0]],
        };
        let curve = |order: &[usize]| accuracies(&last, &[0.0, 0.5], &rows, &[0, 1], order);
        // Without channel 0 the logits of the first image are 0 and 1.5.
        assert_eq!(curve(&[0, 1]), [1.0, 0.5]);
        assert_eq!(curve(&[1, 0]), [1.0, 1.0]);
    }
}
