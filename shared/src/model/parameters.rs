//! A trainable network's parameters by PyTorch's names: out of it, and into it.

use super::weights::{Array, Arrays, WeightsError, read};
use super::{Arch, Wrn};
use crate::seed::Seed;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// Path of a parameter as PyTorch spells it: `block2.layer.0.convShortcut.weight`.
#[derive(Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(if name == "shortcut" { "convShortcut".into() } else { name.into() });
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}

#[derive(Default)]
struct Collect {
    path: Path,
    found: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        self.found.push((self.path.name(), shape, tensor.inner().flatten(0, D - 1)));
    }
}

/// The network's weights and running statistics.
pub async fn arrays(network: &Wrn) -> Result<Arrays, WeightsError> {
    let mut collect = Collect::default();
    network.visit(&mut collect);
    let (names, tensors): (Vec<_>, Vec<_>) =
        collect.found.into_iter().map(|(name, shape, tensor)| ((name, shape), tensor)).unzip();
    let values = read(tensors).await?;
    let pairs = names.into_iter().zip(values);
    Ok(pairs.map(|((name, shape), values)| (name, Array { shape, values })).collect())
}

struct Norms<'a> {
    gradients: &'a Gradients,
    found: Vec<Tensor<1>>,
}

impl ModuleVisitor for Norms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.push((gradient.clone() * gradient).sum().sqrt().reshape([1]));
        }
    }
}

/// Euclidean norm of the gradient of every trained parameter, in the network's order.
pub fn gradient_norms(network: &Wrn, gradients: &Gradients) -> Vec<Tensor<1>> {
    let mut norms = Norms { gradients, found: Vec::new() };
    network.visit(&mut norms);
    norms.found
}

struct Fill<'a> {
    path: Path,
    arrays: &'a Arrays,
    device: &'a Device,
    seen: usize,
    error: Option<WeightsError>,
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let expected = param.dims().to_vec();
        match self.arrays.get(&name) {
            Some(array) if array.shape == expected => {
                self.seen += 1;
                if array.values.iter().any(|v| !v.is_finite()) {
                    self.error.get_or_insert(WeightsError::NotFinite(name));
                }
                let data = TensorData::new(array.values.clone(), array.shape.clone());
                let tensor = Tensor::from_data(data, self.device);
                let running = self.path.0.last().is_some_and(|n| n.starts_with("running_"));
                let filled = Param::initialized(param.id, tensor.detach());
                filled.set_require_grad(!running && self.device.is_autodiff())
            }
            Some(array) => {
                let found = array.shape.clone();
                self.error.get_or_insert(WeightsError::Shape { name, found, expected });
                param
            }
            None => {
                self.error.get_or_insert(WeightsError::Missing(name));
                param
            }
        }
    }
}

/// A network of `arch` with these weights on `device` (trainable where the device is `autodiff`).
/// `num_batches_tracked` of PyTorch is ignored; any other unknown name is an error.
pub fn network(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Wrn, WeightsError> {
    let blank = arch.init(Seed(0), device).map_err(WeightsError::Arch)?;
    let mut fill = Fill { path: Path::default(), arrays, device, seen: 0, error: None };
    let network = blank.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    let known = |name: &&String| !name.ends_with("num_batches_tracked");
    if arrays.keys().filter(known).count() > fill.seen {
        let mut names = Collect::default();
        network.visit(&mut names);
        let extra = arrays.keys().filter(known).find(|k| names.found.iter().all(|(n, ..)| n != *k));
        return Err(WeightsError::Extra(extra.cloned().unwrap_or_default()));
    }
    Ok(network)
}
