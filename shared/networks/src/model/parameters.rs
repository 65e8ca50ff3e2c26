//! A trainable network's parameters by PyTorch's names: out of it, and into it.

use super::weights::{Array, Arrays, Taken, WeightsError, read};
use super::{Arch, Wrn};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use unstamp_data::seed::Seed;

/// Path of a parameter as PyTorch spells it: `block2.layer.0.convShortcut.weight`.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(if name == "shortcut" { "convShortcut".into() } else { name.into() });
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        self.0.join(".")
    }
}

/// A parameter of a network.
pub struct Named {
    pub name: String,
    pub id: ParamId,
    pub shape: Vec<usize>,
    pub trained: bool,
    /// Its value, flat.
    value: Tensor<1>,
}

#[derive(Default)]
struct Collect {
    path: Path,
    found: Vec<Named>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (name, id, trained) = (self.path.name(), param.id, param.is_require_grad());
        let tensor = param.val();
        let (shape, value) = (tensor.dims().to_vec(), tensor.inner().flatten(0, D - 1));
        self.found.push(Named { name, id, shape, trained, value });
    }
}

/// Every parameter, running statistics included.
pub fn named(network: &Wrn) -> Vec<Named> {
    let mut collect = Collect::default();
    network.visit(&mut collect);
    collect.found
}

/// The network's weights and running statistics.
pub async fn arrays(network: &Wrn) -> Result<Arrays, WeightsError> {
    let all = named(network);
    let values = read(all.iter().map(|p| p.value.clone()).collect()).await?;
    let pairs = all.into_iter().zip(values);
    Ok(pairs.map(|(p, values)| (p.name, Array { shape: p.shape, values })).collect())
}

struct Derived<'a> {
    path: Path,
    gradients: &'a Gradients,
    found: Vec<(String, Tensor<1>)>,
}

impl ModuleVisitor for Derived<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.push((self.path.name(), gradient.flatten(0, D - 1)));
        }
    }
}

/// The gradient of every trained parameter by its name, flat, in the network's order.
pub fn gradients(network: &Wrn, gradients: &Gradients) -> Vec<(String, Tensor<1>)> {
    let mut derived = Derived { path: Path::default(), gradients, found: Vec::new() };
    network.visit(&mut derived);
    derived.found
}

/// Euclidean norm of the gradient of every trained parameter, in the network's order.
pub fn gradient_norms(network: &Wrn, all: &Gradients) -> Vec<Tensor<1>> {
    let norm = |gradient: Tensor<1>| (gradient.clone() * gradient).sum().sqrt().reshape([1]);
    gradients(network, all).into_iter().map(|(_, gradient)| norm(gradient)).collect()
}

struct Blend<'a> {
    path: Path,
    own: f32,
    others: &'a [(f32, &'a Arrays)],
    squares: Vec<Tensor<1>>,
}

impl ModuleMapper for Blend<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let (name, own) = (self.path.name(), param.val());
        let mut sum = vec![0.0; own.dims().iter().product()];
        for (share, arrays) in self.others {
            let values = arrays.get(&name).map_or(&[][..], |array| &array.values);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
        }
        let constant = Tensor::<D>::from_data(TensorData::new(sum, own.dims()), &own.device());
        let blended = own * self.own + constant;
        self.squares.push((blended.clone() * blended.clone()).sum().reshape([1]));
        Param::initialized(param.id, blended)
    }
}

/// The network whose trained parameters are `own` times `network`'s plus the others times their
/// shares, and the sum of their squares, `[1]`. Gradients flow to `network`.
pub fn blended(network: &Wrn, own: f32, others: &[(f32, &Arrays)]) -> (Wrn, Tensor<1>) {
    let mut blend = Blend { path: Path::default(), own, others, squares: Vec::new() };
    let network = network.clone().map(&mut blend);
    (network, Tensor::cat(blend.squares, 0).sum().reshape([1]))
}

struct Fill<'a> {
    path: Path,
    taken: Taken<'a>,
    device: &'a Device,
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
        let array = match self.taken.take(self.path.name(), &param.dims()) {
            Ok(array) => array,
            Err(error) => {
                self.error.get_or_insert(error);
                return param;
            }
        };
        let data = TensorData::new(array.values.clone(), array.shape.clone());
        let tensor = Tensor::from_data(data, self.device);
        let running = self.path.0.last().is_some_and(|n| n.starts_with("running_"));
        let filled = Param::initialized(param.id, tensor.detach());
        filled.set_require_grad(!running && self.device.is_autodiff())
    }
}

/// A network of `arch` with these weights on `device` (trainable where the device is `autodiff`).
/// `num_batches_tracked` of PyTorch is ignored; any other unknown name is an error.
pub fn network(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Wrn, WeightsError> {
    let blank = arch.init(Seed(0), device).map_err(WeightsError::Arch)?;
    let taken = Taken::from(arrays);
    let mut fill = Fill { path: Path::default(), taken, device, error: None };
    let network = blank.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    fill.taken.end()?;
    Ok(network)
}
