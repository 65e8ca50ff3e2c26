//! The arrays of weights in which fine-pruning sets channels to zero.

use super::Pruned;
use unstamp_networks::model::weights::Arrays;
use unstamp_networks::model::{Description, Layer, Operation, Value};

/// The convolution that is pruned.
pub struct Target {
    /// Arrays whose first axis is the channel. The entries of pruned channels become 0.
    pub arrays: Vec<String>,
    /// Name of the last layer, if it reads one mean for each of these channels, which no other channel
    /// changes.
    pub readout: Option<String>,
}

impl Target {
    /// The last convolution of the main path. The last normalisation is pruned with it if it reads that
    /// convolution directly, or if it comes later and `pruned` asks for it. `None` if the network lacks one
    /// of the two layers.
    pub fn of(network: &Description, pruned: Pruned) -> Option<Self> {
        let conv = network.last_convolution()?;
        let norm = network.last_norm()?;
        let mut arrays = vec![format!("{}.weight", conv.name), format!("{}.bias", conv.name)];
        let at = |layer: &Layer| network.layers.iter().position(|l| l.name == layer.name);
        let normalised = at(norm) > at(conv);
        let own = norm.input == Value::Layer(at(conv)?);
        if own || (normalised && pruned == Pruned::Channel) {
            arrays.push(format!("{}.weight", norm.name));
            arrays.push(format!("{}.bias", norm.name));
        }
        let last = network.layers.last()?;
        let pool = Operation::AveragePool { size: 1 };
        let direct = matches!(last.input, Value::Layer(i) if network.layers[i].operation == pool);
        let readout = (normalised && direct).then(|| last.name.clone());
        Some(Self { arrays, readout })
    }

    /// The weights with channels of the last convolution pruned.
    pub fn pruned(&self, weights: &Arrays, channels: &[usize]) -> Arrays {
        let mut weights = weights.clone();
        for name in &self.arrays {
            let Some(array) = weights.get_mut(name) else { continue };
            let stride = array.values.len() / array.shape[0].max(1);
            for c in channels {
                array.values[c * stride..(c + 1) * stride].fill(0.0);
            }
        }
        weights
    }
}
