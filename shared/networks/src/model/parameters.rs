//! Reads and writes the parameters of a trainable network by PyTorch's names.

use super::description::Role;
use super::weights::{Array, ArrayReader, Arrays, WeightsError, read};
use super::{Arch, Network};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use unstamp_data::seed::Seed;

/// A parameter of a network.
pub struct NamedArray {
    /// PyTorch's name.
    pub name: String,
    /// Burn's id.
    pub id: ParamId,
    /// Its shape, as in PyTorch.
    pub shape: Vec<usize>,
    /// Whether the optimiser changes it; running statistics are not trained.
    pub trained: bool,
    /// Its values, flat.
    value: Tensor<1>,
}

/// Burn visits parameters in the order in which the description lists them.
struct Collect {
    names: std::vec::IntoIter<(String, Role)>,
    found: Vec<NamedArray>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some((name, role)) = self.names.next() else { return };
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let value = tensor.inner().flatten(0, D - 1);
        self.found.push(NamedArray {
            name,
            id: param.id,
            shape,
            trained: role == Role::Trained,
            value,
        });
    }
}

/// Every parameter, running statistics included.
pub fn named(network: &Network) -> Vec<NamedArray> {
    let mut collect = Collect { names: network.roles().into_iter(), found: Vec::new() };
    network.visit(&mut collect);
    collect.found
}

/// The network's weights and running statistics.
///
/// # Errors
/// If the device does not give the values back.
pub async fn arrays(network: &Network) -> Result<Arrays, WeightsError> {
    let all = named(network);
    let values = read(all.iter().map(|p| p.value.clone()).collect()).await?;
    let pairs = all.into_iter().zip(values);
    Ok(pairs.map(|(p, values)| (p.name, Array { shape: p.shape, values })).collect())
}

struct GradientReader<'a> {
    names: std::vec::IntoIter<(String, Role)>,
    gradients: &'a Gradients,
    found: Vec<(String, Tensor<1>)>,
}

impl ModuleVisitor for GradientReader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some((name, _)) = self.names.next() else { return };
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.push((name, gradient.flatten(0, D - 1)));
        }
    }
}

/// The gradient of every trained parameter by its name, flat, in the network's order.
pub fn gradients(network: &Network, gradients: &Gradients) -> Vec<(String, Tensor<1>)> {
    let mut derived =
        GradientReader { names: network.roles().into_iter(), gradients, found: Vec::new() };
    network.visit(&mut derived);
    derived.found
}

/// Euclidean norm of the gradient of every trained parameter, in the network's order.
pub fn gradient_norms(network: &Network, all: &Gradients) -> Vec<Tensor<1>> {
    let norm = |gradient: Tensor<1>| (gradient.clone() * gradient).sum().sqrt().reshape([1]);
    gradients(network, all).into_iter().map(|(_, gradient)| norm(gradient)).collect()
}

struct Blend<'a> {
    names: std::vec::IntoIter<(String, Role)>,
    network_share: f32,
    others: &'a [(f32, &'a Arrays)],
    squares: Vec<Tensor<1>>,
}

impl ModuleMapper for Blend<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((name, role)) = self.names.next() else { return param };
        if role == Role::Statistic {
            return param;
        }
        let parameter = param.val();
        let mut sum = vec![0.0; parameter.dims().iter().product()];
        for (share, arrays) in self.others {
            let values = arrays.get(&name).map_or(&[][..], |array| &array.values);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
        }
        let data = TensorData::new(sum, parameter.dims());
        let constant = Tensor::<D>::from_data(data, &parameter.device());
        let blended = parameter * self.network_share + constant;
        self.squares.push((blended.clone() * blended.clone()).sum().reshape([1]));
        Param::initialized(param.id, blended)
    }
}

/// A copy of `network` whose trained parameters are `network_share * network + sum_i share_i * others_i`,
/// and the sum of the squares of these parameters, `[1]`. A parameter that `others_i` lacks counts as 0.
/// Gradients flow to `network`. Running statistics stay those of `network`.
pub fn blended(
    network: &Network,
    network_share: f32,
    others: &[(f32, &Arrays)],
) -> (Network, Tensor<1>) {
    let names = network.roles().into_iter();
    let mut blend = Blend { names, network_share, others, squares: Vec::new() };
    let network = network.clone().map(&mut blend);
    (network, Tensor::cat(blend.squares, 0).sum().reshape([1]))
}

struct Fill<'a> {
    names: std::vec::IntoIter<(String, Role)>,
    taken: ArrayReader<'a>,
    device: &'a Device,
    error: Option<WeightsError>,
}

impl ModuleMapper for Fill<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((name, role)) = self.names.next() else { return param };
        let array = match self.taken.take(name, &param.dims()) {
            Ok(array) => array,
            Err(error) => {
                self.error.get_or_insert(error);
                return param;
            }
        };
        let data = TensorData::new(array.values.clone(), array.shape.clone());
        let tensor = Tensor::from_data(data, self.device);
        let filled = Param::initialized(param.id, tensor.detach());
        filled.set_require_grad(role == Role::Trained && self.device.is_autodiff())
    }
}

/// A network of `arch` with these weights on `device`. It can be trained if `device` is an autodiff
/// device. PyTorch's `num_batches_tracked` is ignored.
///
/// # Errors
/// If the architecture is unknown, or an array is missing, has another shape, is not finite, or does
/// not belong to the architecture.
///
/// # Examples
///
/// ```
/// use burn::tensor::Device;
/// use unstamp_data::seed::Seed;
/// use unstamp_networks::model::Arch;
/// use unstamp_networks::model::weights::{WeightsError, arrays, network};
///
/// let device = Device::flex();
/// let arch = Arch::new("wrn-10-1", 10);
/// let mut weights = pollster::block_on(arrays(&arch.init(Seed(0), &device)?))?;
/// let again = network(&arch, &weights, &device)?;
/// assert_eq!(pollster::block_on(arrays(&again))?, weights);
///
/// weights.remove("fc.bias");
/// let error = network(&arch, &weights, &device).expect_err("an array is missing");
/// assert!(matches!(error, WeightsError::Missing(name) if name == "fc.bias"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn network(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Network, WeightsError> {
    let blank = arch.init(Seed(0), device)?;
    let taken = ArrayReader::from(arrays);
    let names = blank.roles().into_iter();
    let mut fill = Fill { names, taken, device, error: None };
    let network = blank.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    fill.taken.end()?;
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arch, close, filled, values};

    fn loaded(value: f32, device: &Device) -> Network {
        let arrays = filled(&arch().describe().expect("it exists"), value);
        network(&arch(), &arrays, device).expect("they fit")
    }

    #[test]
    fn parameters_stand_in_the_order_of_the_description() {
        let network = loaded(0.0, &Device::flex());
        let found = named(&network).into_iter().map(|p| (p.name, p.shape, p.trained));
        let wanted = network.description().parameters().into_iter();
        let wanted = wanted.map(|p| (p.name, p.shape, p.role == Role::Trained));
        assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }

    /// `0.5 * 1 + 0.25 * 4`; statistics stay 1, and a missing array counts as 0.
    #[test]
    fn a_blend_is_the_sum_of_the_shares() {
        let one = loaded(1.0, &Device::flex());
        let mut fours = filled(one.description(), 4.0);
        fours.remove("fc.bias");
        let (blend, squares) = blended(&one, 0.5, &[(0.25, &fours)]);
        let found = pollster::block_on(arrays(&blend)).expect("readable");
        let mut wanted_squares = 0.0;
        for (name, role) in one.roles() {
            let wanted = match (role, name.as_str()) {
                (Role::Statistic, _) => 1.0,
                (Role::Trained, "fc.bias") => 0.5,
                (Role::Trained, _) => 1.5,
            };
            assert!(found[&name].values.iter().all(|value| *value == wanted), "{name}");
            if role == Role::Trained {
                wanted_squares += wanted * wanted * found[&name].values.len() as f32;
            }
        }
        close(&values(squares), &[wanted_squares]);
    }

    #[test]
    fn arrays_of_another_network_are_refused() {
        let arrays = filled(&arch().describe().expect("it exists"), 0.0);
        let device = Device::flex();
        let other = Arch::new("wrn-16-1", 3);
        let error = network(&other, &arrays, &device).expect_err("layers are missing");
        assert!(matches!(error, WeightsError::Missing(_)), "{error}");
        let other = Arch { classes: 4, ..arch() };
        let error = network(&other, &arrays, &device).expect_err("another shape");
        assert!(matches!(&error, WeightsError::Shape { name, .. } if name.starts_with("fc.")));
    }

    #[test]
    fn gradients_are_those_of_the_trained_parameters() {
        let device = Device::flex().autodiff();
        let mut network = arch().init(Seed(0), &device).expect("it exists");
        let output = network.forward_train(Tensor::ones([2, 3, 8, 8], &device));
        let all = output.logits.sum().backward();
        let found = gradients(&network, &all);
        let trained = network.roles().into_iter().filter(|(_, role)| *role == Role::Trained);
        let wanted: Vec<String> = trained.map(|(name, _)| name).collect();
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), wanted);
        // The sum of the logits of two images grows by 2 with each bias of the last layer.
        let (name, bias) = found.into_iter().next_back().expect("gradients");
        assert_eq!((name.as_str(), values(bias)), ("fc.bias", vec![2.0; 3]));
        let norm = gradient_norms(&network, &all).pop().expect("norms");
        close(&values(norm), &[12f32.sqrt()]);
    }
}
