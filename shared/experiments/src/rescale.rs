//! The same network with smaller or larger weights.

use crate::BoxFuture;
use crate::job::{Edit, EditContext, Edited, PhaseError};
use unstamp_networks::model::weights::{Array, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Operation, Value};

/// Multiplies the convolution weights by `factor`. The network stays the same function, but for the 1e-5
/// that batch normalisation adds to a variance: where a value is `factor^n` times what it was, the running
/// mean of its normalisation is multiplied by `factor^n`, the running variance by `factor^2n`, and the
/// weights of a linear layer that reads it by `factor^-n`.
///
/// A gradient step of one learning rate changes smaller weights more. The studies of weight norms use
/// this edit to change the norm and nothing else.
#[derive(Debug)]
pub struct Rescale {
    /// Factor of the weights; 1 changes nothing.
    pub factor: f32,
}

impl Rescale {
    fn scaled(&self, arch: &Arch, weights: &Arrays) -> Result<Arrays, WeightsError> {
        let mut arrays = weights.clone();
        let mut times = |name: String, power: i32| {
            let found: Option<&mut Array> = arrays.get_mut(&name);
            let factor = self.factor.powi(power);
            found.into_iter().flat_map(|a| &mut a.values).for_each(|value| *value *= factor);
        };
        // The power of the factor by which each layer's output changes.
        let mut powers: Vec<i32> = Vec::new();
        for layer in &arch.describe()?.layers {
            let name = &layer.name;
            let power = match layer.input {
                Value::Images => 0,
                Value::Layer(index) => powers[index],
            };
            powers.push(match layer.operation {
                Operation::Conv { .. } => {
                    times(format!("{name}.weight"), 1);
                    times(format!("{name}.bias"), power + 1);
                    power + 1
                }
                Operation::NormRelu => {
                    times(format!("{name}.running_mean"), power);
                    times(format!("{name}.running_var"), 2 * power);
                    0
                }
                Operation::Linear { .. } => {
                    times(format!("{name}.weight"), -power);
                    0
                }
                _ => power,
            });
        }
        Ok(arrays)
    }
}

impl Edit for Rescale {
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        let scaled = self.scaled(context.arch, context.weights);
        Box::pin(async { Ok(Edited { output: scaled?.into(), measured: Vec::new() }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_data::datasets::{SplitName, signs};
    use unstamp_data::seed::Seed;
    use unstamp_networks::Device;
    use unstamp_networks::batches::batches;
    use unstamp_networks::model::weights;

    /// Logits of a network for four images.
    fn logits(arch: &Arch, arrays: &Arrays, device: &Device) -> Vec<f32> {
        let split = signs::split(Seed(0), SplitName::Test, 0..4);
        let images = batches(&split, 4).next().expect("four images").images(device);
        let network = weights::frozen(arch, arrays, device).expect("they fit");
        crate::testing::values(network.forward(images).logits)
    }

    #[test]
    fn every_family_stays_the_same_function() {
        let device = Device::flex();
        for name in ["wrn-10-1", "preact-resnet18-2", "vgg19-bn-4"] {
            let arch = Arch::new(name, 10);
            let network = arch.init(Seed(0), &device).expect("it is known");
            let arrays = pollster::block_on(weights::arrays(&network)).expect("on this device");
            let scaled = Rescale { factor: 0.5 }.scaled(&arch, &arrays).expect("it is known");
            assert_ne!(arrays, scaled, "{name}");
            let before = logits(&arch, &arrays, &device);
            let after = logits(&arch, &scaled, &device);
            // A factor of one half is exact. The 1e-5 beside the smallest of these variances, 0.25, is
            // 2e-5 of a deviation in each of up to 18 layers.
            for (after, before) in after.iter().zip(&before) {
                assert!((after - before).abs() <= 5e-4 * before.abs().max(1.0), "{name}");
            }
        }
    }
}
