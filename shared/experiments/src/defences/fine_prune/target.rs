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

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_networks::model::weights::Array;
    use unstamp_networks::model::{Arch, FAMILIES};

    /// The arrays and the readout of the first example of a family.
    fn target(name: &str, pruned: Pruned) -> (Vec<String>, Option<String>) {
        let network = Arch::new(name, 10).describe().expect("it exists");
        let Target { arrays, readout } = Target::of(&network, pruned).expect("it has both layers");
        (arrays, readout)
    }

    #[test]
    fn the_normalisation_is_pruned_where_it_must_be_or_may_be() {
        // The layers: the convolution, the normalisation with `Pruned::Convolution` and with
        // `Pruned::Channel`, and the layer that reads the means.
        let wanted = [
            ("wrn-16-1", "block3.layer.1.conv2", [None, Some("bn1")], Some("fc")),
            ("preact-resnet18", "layer4.1.conv2", [None, None], None),
            ("vgg19-bn", "features.49", [Some("features.50"); 2], None),
        ];
        assert_eq!(wanted.len(), FAMILIES.len());
        for (name, conv, norms, readout) in wanted {
            for (pruned, norm) in [Pruned::Convolution, Pruned::Channel].into_iter().zip(norms) {
                let layers = [Some(conv), norm].into_iter().flatten();
                let parts = |layer| [format!("{layer}.weight"), format!("{layer}.bias")];
                let arrays: Vec<String> = layers.flat_map(parts).collect();
                let wanted = (arrays, readout.map(str::to_string));
                assert_eq!(target(name, pruned), wanted, "{name} {pruned:?}");
            }
        }
    }

    #[test]
    fn pruned_channels_are_zero_and_the_others_stay() {
        let target = Target { arrays: vec!["a".to_string(), "none".to_string()], readout: None };
        let array = |values: &[f32]| Array { shape: vec![3, 2], values: values.to_vec() };
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let weights =
            Arrays::from([("a".to_string(), array(&values)), ("b".to_string(), array(&values))]);
        let pruned = target.pruned(&weights, &[2, 0]);
        assert_eq!(pruned["a"], array(&[0.0, 0.0, 3.0, 4.0, 0.0, 0.0]));
        assert_eq!(pruned["b"], weights["b"]);
        assert_eq!(target.pruned(&weights, &[]), weights);
    }
}
