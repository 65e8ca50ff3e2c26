//! Stochastic gradient descent with momentum and weight decay, in [PyTorch's
//! form](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html) without dampening:
//! `d = g + wd w`, `v = mu v + d`, `w -= lr v` (Nesterov: `w -= lr (d + mu v)`).
//!
//! Not Burn's own `Sgd`, because its velocity can be read neither by name nor without blocking,
//! and a checkpoint in a page needs both.

use super::Training;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::HashMap;
use unstamp_networks::model::Network;
use unstamp_networks::model::parameters::{NamedArray, named};
use unstamp_networks::model::weights::Arrays;

/// Velocities by parameter, each flat.
#[derive(Clone, Default)]
pub struct Momentum(HashMap<ParamId, Tensor<1>>);

struct Step<'a> {
    training: &'a Training,
    lr: f64,
    gradients: GradientsParams,
    momentum: &'a mut Momentum,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let settings = self.training;
        let mu = settings.momentum as f32;
        let weight = param.val().inner();
        let shape = weight.dims();
        let decayed = gradient + weight.clone() * settings.weight_decay as f32;
        let velocity = match self.momentum.0.remove(&param.id) {
            Some(velocity) => velocity.reshape(shape) * mu + decayed.clone(),
            None => decayed.clone(),
        };
        let direction =
            if settings.nesterov { decayed + velocity.clone() * mu } else { velocity.clone() };
        self.momentum.0.insert(param.id, velocity.flatten(0, D - 1));
        let weight = Tensor::from_inner(weight - direction * self.lr as f32);
        Param::initialized(param.id, weight).set_require_grad(true)
    }
}

/// One step of `network` along `gradients`, with the learning rate `lr`.
pub fn step(
    network: Network,
    training: &Training,
    lr: f64,
    gradients: Gradients,
    momentum: &mut Momentum,
) -> Network {
    let gradients = GradientsParams::from_grads(gradients, &network);
    network.map(&mut Step { training, lr, gradients, momentum })
}

fn trained(network: &Network) -> impl Iterator<Item = NamedArray> {
    named(network).into_iter().filter(|parameter| parameter.trained)
}

impl Momentum {
    /// Velocities by PyTorch's name of the parameter; empty before the first step.
    pub fn named(&self, network: &Network) -> Vec<(String, Tensor<1>)> {
        let velocity = |id| self.0.get(&id).cloned();
        trained(network).filter_map(|p| Some((p.name, velocity(p.id)?))).collect()
    }

    /// The inverse of [`Momentum::named`]; `None` if a size does not fit.
    pub fn from_arrays(network: &Network, arrays: &Arrays, device: &Device) -> Option<Self> {
        let mut velocities = HashMap::new();
        for parameter in trained(network) {
            let Some(array) = arrays.get(&parameter.name) else { continue };
            let size: usize = parameter.shape.iter().product();
            if array.values.len() != size {
                return None;
            }
            let data = TensorData::new(array.values.clone(), [size]);
            velocities.insert(parameter.id, Tensor::from_data(data, device));
        }
        Some(Self(velocities))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arch, close, training};
    use unstamp_data::seed::Seed;
    use unstamp_networks::model::weights::{self, Array};

    /// A network whose last bias is 1 everywhere.
    fn network(device: &Device) -> Network {
        let drawn = arch().init(Seed(0), device).expect("it exists");
        let mut arrays = pollster::block_on(weights::arrays(&drawn)).expect("readable");
        arrays.get_mut("fc.bias").expect("it exists").values.fill(1.0);
        weights::network(&arch(), &arrays, device).expect("they fit")
    }

    /// The gradients of the first logit of one image: 1 for the first bias, 0 for the others.
    fn gradients(network: &Network, device: &Device) -> Gradients {
        let logits = network.forward(Tensor::ones([1, 3, 8, 8], device)).logits;
        logits.narrow(1, 0, 1).sum().backward()
    }

    /// The first two biases after each of `steps` steps.
    fn biases(training: &Training, steps: usize) -> Vec<[f32; 2]> {
        let device = Device::flex().autodiff();
        let mut network = network(&device);
        let mut momentum = Momentum::default();
        let mut found = Vec::new();
        for _ in 0..steps {
            let gradients = gradients(&network, &device);
            network = step(network, training, 0.1, gradients, &mut momentum);
            let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
            let bias = &arrays["fc.bias"].values;
            found.push([bias[0], bias[1]]);
        }
        found
    }

    /// With `mu = 0.5` and `wd = 0.1`: `d = [1.1, 0.1]`, `w = [0.89, 0.99]`; then `d = [1.089, 0.099]`,
    /// `v = [0.55 + 1.089, 0.05 + 0.099]`.
    #[test]
    fn two_steps_follow_the_formula() {
        let settings = Training { momentum: 0.5, weight_decay: 0.1, ..training(1, 1) };
        let wanted = [0.89, 0.99, 0.89 - 0.1639, 0.99 - 0.0149];
        close(&biases(&settings, 2).concat(), &wanted);
        // Nesterov: `d + mu v = [1.65, 0.15]`.
        let nesterov = Training { nesterov: true, ..settings };
        close(&biases(&nesterov, 1).concat(), &[1.0 - 0.165, 1.0 - 0.015]);
    }

    #[test]
    fn without_momentum_and_decay_a_step_is_the_gradient() {
        let settings = Training { momentum: 0.0, weight_decay: 0.0, ..training(1, 1) };
        close(&biases(&settings, 2).concat(), &[0.9, 1.0, 0.8, 1.0]);
    }

    #[test]
    fn velocities_are_found_by_name_and_restored() {
        let device = Device::flex();
        let autodiff = device.clone().autodiff();
        let network = network(&autodiff);
        let mut momentum = Momentum::default();
        assert!(momentum.named(&network).is_empty());
        let gradients = gradients(&network, &autodiff);
        let network = step(network, &training(1, 1), 0.1, gradients, &mut momentum);
        let read = |momentum: &Momentum| -> Arrays {
            let named = momentum.named(&network).into_iter();
            let array = |velocity: Tensor<1>| {
                let values = crate::testing::values(velocity);
                Array { shape: vec![values.len()], values }
            };
            named.map(|(name, velocity)| (name, array(velocity))).collect()
        };
        let mut arrays = read(&momentum);
        assert!(arrays.contains_key("fc.bias") && !arrays.contains_key("bn1.running_mean"));
        let restored = Momentum::from_arrays(&network, &arrays, &device).expect("they fit");
        assert_eq!(read(&restored), arrays);
        arrays.get_mut("fc.bias").expect("it moves").values.pop();
        assert!(Momentum::from_arrays(&network, &arrays, &device).is_none());
    }
}
