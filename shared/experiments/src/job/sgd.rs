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
