//! A network that can be trained, made from its [`Description`]. [`super::plan`] decides which layers
//! are computed together.

use super::description::{Operation, Role};
use super::layers::{BatchNorm, Conv2d, Linear, UpdatedStatistics};
use super::plan::{Form, Group, Plan};
use super::{Arch, ArchError, Description, Output, RGB, pooling};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_fused_conv::{Maps, floats};
use std::sync::Arc;
use unstamp_data::seed::Seed;

/// The parameters of one layer.
#[derive(Module, Debug)]
enum Parameters {
    Conv(Conv2d),
    Norm(BatchNorm),
    Linear(Linear),
}

/// A network with weights, in training or evaluation mode.
///
/// On an autodiff device gradients flow to the images and, in training mode, to all weights. In
/// evaluation mode the weights of batch normalisation are constants.
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_data::seed::Seed;
/// use unstamp_networks::model::Arch;
///
/// let device = Device::flex();
/// let network = Arch::new("wrn-10-1", 10).init(Seed(0), &device)?;
/// let output = network.forward(Tensor::zeros([2, 3, 32, 32], &device));
/// assert_eq!(output.logits.dims(), [2, 10]);
/// let sizes: Vec<[usize; 4]> = output.features.iter().map(|maps| maps.dims()).collect();
/// assert_eq!(sizes, [[2, 16, 32, 32], [2, 32, 16, 16], [2, 64, 8, 8]]);
/// # Ok::<(), unstamp_networks::model::ArchError>(())
/// ```
#[derive(Module, Debug)]
pub struct Network {
    /// The parameters of the layers that have some, in the order of the description.
    parameters: Vec<Parameters>,
    #[module(skip)]
    fixed: Arc<Fixed>,
}

/// The part of a network that does not change while it trains.
#[derive(Clone, Debug)]
struct Fixed {
    description: Description,
    normalisation: Option<[[f32; 3]; 2]>,
    /// Index of each layer's parameters in [`Network::parameters`].
    places: Vec<Option<usize>>,
    plan: Plan,
}

/// The statistics that batch normalisation uses.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// The running statistics.
    Evaluation,
    /// The statistics of the batch.
    Training,
}

impl Fixed {
    fn new(description: Description, normalisation: Option<[[f32; 3]; 2]>) -> Self {
        let count = description.layers.len();
        let mut places = Vec::with_capacity(count);
        let mut next = 0;
        for index in 0..count {
            let has_parameters = !description.parameters_of(index).is_empty();
            places.push(has_parameters.then_some(next));
            next += usize::from(has_parameters);
        }
        let plan = Plan::new(&description, Form::Trainable);
        Self { description, normalisation, places, plan }
    }
}

impl Arch {
    /// A network with random weights from `seed`.
    ///
    /// # Errors
    /// As [`Arch::describe`].
    pub fn init(&self, seed: Seed, device: &Device) -> Result<Network, ArchError> {
        let description = self.describe()?;
        let random = &mut seed.stream("init", &[]);
        let mut parameters = Vec::new();
        for (index, layer) in description.layers.iter().enumerate() {
            let inputs = description.channels_of(layer.input);
            parameters.extend(match layer.operation {
                Operation::Conv { outputs, kernel, stride, bias } => {
                    let shape = [outputs, inputs, kernel, kernel];
                    Some(Parameters::Conv(Conv2d::init(shape, stride, bias, random, device)))
                }
                Operation::NormRelu => Some(Parameters::Norm(BatchNorm::init(inputs, device))),
                Operation::Linear { outputs } => {
                    let inputs = description.parameters_of(index)[0].shape[1];
                    Some(Parameters::Linear(Linear::init(inputs, outputs, random, device)))
                }
                _ => None,
            });
        }
        Ok(Network { parameters, fixed: Arc::new(Fixed::new(description, self.normalisation)) })
    }
}

/// One forward pass.
struct Pass<'a> {
    network: &'a Network,
    mode: Mode,
    /// The running statistics after this pass, with the index of the normalisation's parameters.
    moved: Vec<(usize, UpdatedStatistics)>,
}

impl<'a> Pass<'a> {
    /// The parameters of a layer, and their index.
    fn parameters(&self, layer: usize) -> (usize, &'a Parameters) {
        let place = self.network.fixed.places[layer].expect("the layer has parameters");
        (place, &self.network.parameters[place])
    }

    /// The normalisation at `layer`, then `conv` if it is given, plus `skip` if it is given.
    fn norm(&mut self, layer: usize, x: Maps, conv: Option<&Conv2d>, skip: Option<Maps>) -> Maps {
        let (place, Parameters::Norm(norm)) = self.parameters(layer) else {
            unreachable!("places follow the description")
        };
        if self.mode == Mode::Evaluation {
            return norm.evaluate(x, conv, skip);
        }
        let (output, moved) = norm.train(x, conv, skip);
        self.moved.push((place, moved));
        output
    }

    /// The convolution at `layer`, after the normalisation `before`, plus `skip`.
    fn conv(&mut self, layer: usize, before: Option<usize>, x: Maps, skip: Option<Maps>) -> Maps {
        let (_, Parameters::Conv(conv)) = self.parameters(layer) else {
            unreachable!("places follow the description")
        };
        debug_assert!(before.is_some() || skip.is_none(), "only a normalised convolution adds");
        let output = match before {
            Some(norm) => self.norm(norm, x, Some(conv), skip),
            None if self.mode == Mode::Training => conv.train(x),
            None => conv.forward(x),
        };
        conv.with_bias(output)
    }

    fn linear(&self, layer: usize, x: Maps) -> Maps {
        let (_, Parameters::Linear(linear)) = self.parameters(layer) else {
            unreachable!("places follow the description")
        };
        let y = linear.forward(x.into_tensor().flatten(1, 3));
        let [n, outputs] = y.dims();
        Maps::new(y.reshape([n, outputs, 1, 1]))
    }

    /// The output of a group that reads `x` and `other`.
    fn group(&mut self, group: &Group, x: Maps, other: Option<Maps>) -> Maps {
        if let Some(conv) = group.conv {
            return self.conv(conv, group.before, x, other);
        }
        match (self.network.fixed.description.layers[group.layer].operation, other) {
            (Operation::Conv { .. }, _) => self.conv(group.layer, None, x, None),
            (Operation::NormRelu, _) => self.norm(group.layer, x, None, None),
            (Operation::Relu, _) => x.relu(),
            (Operation::Add { .. }, Some(other)) => other + x,
            (Operation::Add { .. }, None) => x,
            (Operation::MaxPool, _) => pooling::maximum(x),
            (Operation::AveragePool { size }, _) => pooling::average(x, size),
            (Operation::Linear { .. }, _) => self.linear(group.layer, x),
        }
    }
}

impl Network {
    /// The network's layers and taps.
    pub fn description(&self) -> &Description {
        &self.fixed.description
    }

    /// One pass. `look` sees what each group reads.
    fn run(
        &self,
        images: Tensor<4>,
        mode: Mode,
        mut look: impl FnMut(&Maps, Option<&Maps>),
    ) -> (Output, Vec<(usize, UpdatedStatistics)>) {
        let plan = &self.fixed.plan;
        let images = normalised(self.fixed.normalisation, images);
        let mut values = plan.start(Maps::new(images));
        let mut pass = Pass { network: self, mode, moved: Vec::new() };
        for group in &plan.groups {
            let x = values.read(group.input);
            let other = group.other.map(|other| values.read(other));
            look(&x, other.as_ref());
            values.store(group, pass.group(group, x, other));
        }
        (plan.output(values), pass.moved)
    }

    /// The groups of layers that are computed together.
    pub(super) fn groups(&self) -> &[Group] {
        &self.fixed.plan.groups
    }

    /// A pass in training mode, of which `look` sees what each group reads.
    pub(super) fn run_observed(&self, images: Tensor<4>, look: impl FnMut(&Maps, Option<&Maps>)) {
        self.run(images, Mode::Training, look);
    }

    /// The output of a group alone, in training mode.
    pub(super) fn group_alone(&self, group: &Group, x: Maps, other: Option<Maps>) -> Maps {
        let mut pass = Pass { network: self, mode: Mode::Training, moved: Vec::new() };
        pass.group(group, x, other)
    }

    /// Evaluation mode: images `[n, channels, h, w]` in 0..1 -> logits and features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        self.run(images, Mode::Evaluation, |_, _| ()).0
    }

    /// Training mode: [`Network::forward`] with the statistics of the batch. Updates the running
    /// statistics.
    pub fn forward_train(&mut self, images: Tensor<4>) -> Output {
        let (output, moved) = self.run(images, Mode::Training, |_, _| ());
        for (place, moved) in moved {
            if let Parameters::Norm(norm) = &mut self.parameters[place] {
                norm.accept(moved);
            }
        }
        output
    }

    /// Names and roles of the parameters, in the order in which Burn visits them.
    pub(super) fn roles(&self) -> Vec<(String, Role)> {
        self.description().parameters().into_iter().map(|p| (p.name, p.role)).collect()
    }
}

/// Images with mean and deviation removed, where the network asks for it.
fn normalised(constants: Option<[[f32; 3]; 2]>, images: Tensor<4>) -> Tensor<4> {
    let Some(constants) = constants else { return images };
    let [mean, std] = constants.map(|c| floats(c.to_vec(), [1, RGB, 1, 1], &images.device()));
    (images - mean) / std
}

#[cfg(test)]
mod tests;
