//! Stochastic gradient descent with momentum and weight decay, in PyTorch's form without
//! dampening: `d = g + wd w`, `v = mu v + d`, `w -= lr v` (Nesterov: `w -= lr (d + mu v)`).
//!
//! Not Burn's own `Sgd`, because its velocity can be read neither by name nor without blocking,
//! and a checkpoint in a page needs both.

use super::Training;
use crate::model::Wrn;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::HashMap;

/// Velocities by parameter, each flattened.
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
        let (t, mu) = (self.training, self.training.momentum as f32);
        let weight = param.val().inner();
        let shape = weight.dims();
        let decayed = gradient + weight.clone() * t.weight_decay as f32;
        let velocity = match self.momentum.0.remove(&param.id) {
            Some(velocity) => velocity.reshape(shape) * mu + decayed.clone(),
            None => decayed.clone(),
        };
        let direction = if t.nesterov { decayed + velocity.clone() * mu } else { velocity.clone() };
        self.momentum.0.insert(param.id, velocity.flatten(0, D - 1));
        let weight = Tensor::from_inner(weight - direction * self.lr as f32);
        Param::initialized(param.id, weight).set_require_grad(true)
    }
}

/// One step of `network` along `gradients`.
pub fn step(
    network: Wrn,
    training: &Training,
    lr: f64,
    gradients: Gradients,
    momentum: &mut Momentum,
) -> Wrn {
    let gradients = GradientsParams::from_grads(gradients, &network);
    network.map(&mut Step { training, lr, gradients, momentum })
}

/// Parameters that are trained, in the network's order, with their sizes.
#[derive(Default)]
struct Trained(Vec<(ParamId, usize)>);

impl ModuleVisitor for Trained {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.push((param.id, param.shape().num_elements()));
        }
    }
}

impl Momentum {
    /// All velocities as one tensor, in the network's order; empty before the first step.
    pub fn flat(&self, network: &Wrn) -> Option<Tensor<1>> {
        let mut trained = Trained::default();
        network.visit(&mut trained);
        let all: Option<Vec<_>> = trained.0.iter().map(|(id, _)| self.0.get(id).cloned()).collect();
        all.filter(|all| !all.is_empty()).map(|all| Tensor::cat(all, 0))
    }

    /// The inverse of [`Momentum::flat`]; `None` where the number of values does not fit.
    pub fn from_flat(network: &Wrn, values: &[f32], device: &Device) -> Option<Self> {
        let mut trained = Trained::default();
        network.visit(&mut trained);
        if trained.0.iter().map(|(_, size)| size).sum::<usize>() != values.len() {
            return None;
        }
        let mut rest = values;
        let pairs = trained.0.into_iter().map(|(id, size)| {
            let (head, tail) = rest.split_at(size);
            rest = tail;
            (id, Tensor::from_data(TensorData::new(head.to_vec(), [size]), device))
        });
        Some(Self(pairs.collect()))
    }
}
