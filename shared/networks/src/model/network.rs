//! A network that can be trained, made from its [`Description`]. Normalisation, ReLU and the convolution
//! after them are computed together where the list of layers allows it.

use super::description::{Operation, Role, Value};
use super::layers::{BatchNorm, Conv2d, Linear, Moved};
use super::{Arch, ArchError, Description, Output, pooling};
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn_fused_conv::floats;
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
/// On an autodiff device gradients flow to the weights and to the images.
#[derive(Module, Debug)]
pub struct Network {
    /// The parameters of the layers that have some, in the order of the description.
    parameters: Vec<Parameters>,
    #[module(skip)]
    plan: Arc<Plan>,
}

/// The part of a network that does not change while it trains.
#[derive(Clone, Debug)]
struct Plan {
    description: Description,
    normalisation: Option<[[f32; 3]; 2]>,
    /// Index of each layer's parameters in [`Network::parameters`].
    places: Vec<Option<usize>>,
    /// Whether a later layer computes this layer as part of its own operation.
    fused: Vec<bool>,
}

/// The statistics that batch normalisation uses.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// The running statistics.
    Evaluation,
    /// The statistics of the batch.
    Training,
}

/// Whether a later layer computes layer `index` as part of its own operation. This holds for a
/// normalisation that only a convolution reads, and for a convolution after such a normalisation that
/// only a sum reads.
fn fuses(description: &Description, index: usize) -> bool {
    let layers = &description.layers;
    let Some(reader) = description.only_reader(index) else { return false };
    match (layers[index].operation, layers[reader].operation) {
        (Operation::NormRelu, Operation::Conv { .. }) => true,
        (Operation::Conv { stride: 1, bias: false, .. }, Operation::Add { .. }) => {
            matches!(layers[index].input, Value::Layer(norm) if fuses(description, norm)
                && layers[norm].operation == Operation::NormRelu)
        }
        _ => false,
    }
}

impl Plan {
    fn new(description: Description, normalisation: Option<[[f32; 3]; 2]>) -> Self {
        let count = description.layers.len();
        let mut places = Vec::with_capacity(count);
        let mut next = 0;
        for index in 0..count {
            let has_parameters = !description.parameters_of(index).is_empty();
            places.push(has_parameters.then_some(next));
            next += usize::from(has_parameters);
        }
        let fused = (0..count).map(|index| fuses(&description, index)).collect();
        Self { description, normalisation, places, fused }
    }
}

impl Arch {
    /// A network with random weights from `seed`.
    ///
    /// # Errors
    /// If the name is not one of a known family.
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
        Ok(Network { parameters, plan: Arc::new(Plan::new(description, self.normalisation)) })
    }
}

/// One forward pass.
struct Pass<'a> {
    network: &'a Network,
    mode: Mode,
    images: Tensor<4>,
    /// Outputs of the layers so far; `None` for a layer that a later one computes.
    values: Vec<Option<Tensor<4>>>,
    /// The running statistics after this pass, with the index of the normalisation's parameters.
    moved: Vec<(usize, Moved)>,
}

impl Pass<'_> {
    fn value(&self, value: Value) -> Tensor<4> {
        match value {
            Value::Images => self.images.clone(),
            Value::Layer(index) => self.values[index].clone().expect("layers stand in order"),
        }
    }

    fn parameters(&self, index: usize) -> (usize, &Parameters) {
        let place = self.network.plan.places[index].expect("the layer has parameters");
        (place, &self.network.parameters[place])
    }

    /// The normalisation at `index`, then `conv` if it is given, plus `skip` if it is given.
    fn norm(&mut self, index: usize, conv: Option<&Conv2d>, skip: Option<Tensor<4>>) -> Tensor<4> {
        let x = self.value(self.network.plan.description.layers[index].input);
        let place = self.network.plan.places[index].expect("a normalisation has parameters");
        let Parameters::Norm(norm) = &self.network.parameters[place] else {
            unreachable!("places follow the description")
        };
        if self.mode == Mode::Evaluation {
            return norm.evaluate(x, conv, skip);
        }
        let (output, moved) = norm.train(x, conv, skip);
        self.moved.push((place, moved));
        output
    }

    /// The convolution at `index` with a fused normalisation before it, plus `skip`.
    fn conv(&mut self, index: usize, skip: Option<Tensor<4>>) -> Tensor<4> {
        let network = self.network;
        let input = network.plan.description.layers[index].input;
        let place = network.plan.places[index].expect("a convolution has parameters");
        let Parameters::Conv(conv) = &network.parameters[place] else {
            unreachable!("places follow the description")
        };
        let output = match input {
            Value::Layer(norm) if network.plan.fused[norm] => self.norm(norm, Some(conv), skip),
            _ => conv.forward(self.value(input)),
        };
        conv.with_bias(output)
    }

    fn layer(&mut self, index: usize) -> Tensor<4> {
        let layer = &self.network.plan.description.layers[index];
        match layer.operation {
            Operation::Conv { .. } => self.conv(index, None),
            Operation::NormRelu => self.norm(index, None, None),
            Operation::Relu => relu(self.value(layer.input)),
            Operation::Add { other } => match layer.input {
                Value::Layer(conv) if self.network.plan.fused[conv] => {
                    let skip = self.value(other);
                    self.conv(conv, Some(skip))
                }
                _ => self.value(other) + self.value(layer.input),
            },
            Operation::MaxPool => pooling::maximum(self.value(layer.input)),
            Operation::AveragePool { size } => pooling::average(self.value(layer.input), [size; 2]),
            Operation::Linear { .. } => {
                let x = flattened(self.value(layer.input));
                let (_, parameters) = self.parameters(index);
                let Parameters::Linear(linear) = parameters else {
                    unreachable!("places follow the description")
                };
                let y = linear.forward(x);
                let [n, outputs] = y.dims();
                y.reshape([n, outputs, 1, 1])
            }
        }
    }
}

/// `[n, c, h, w]` -> `[n, c h w]`.
fn flattened(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c * h * w])
}

impl Network {
    /// The network's layers and taps.
    pub fn description(&self) -> &Description {
        &self.plan.description
    }

    fn run(&self, images: Tensor<4>, mode: Mode) -> (Output, Vec<(usize, Moved)>) {
        let plan = &self.plan;
        let images = normalised(plan.normalisation, images);
        let mut pass = Pass { network: self, mode, images, values: Vec::new(), moved: Vec::new() };
        let layers = &plan.description.layers;
        for index in 0..layers.len() {
            let value = if plan.fused[index] { None } else { Some(pass.layer(index)) };
            pass.values.push(value);
        }
        let last = layers.len() - 1;
        let output = Output {
            logits: flattened(pass.value(Value::Layer(last))),
            features: plan.description.taps.iter().map(|i| pass.value(Value::Layer(*i))).collect(),
            pooled: flattened(pass.value(layers[last].input)),
        };
        (output, pass.moved)
    }

    /// Evaluation mode: images `[n, channels, h, w]` in 0..1 -> logits and features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        self.run(images, Mode::Evaluation).0
    }

    /// Training mode: [`Network::forward`] with the statistics of the batch. Updates the running
    /// statistics.
    pub fn forward_train(&mut self, images: Tensor<4>) -> Output {
        let (output, moved) = self.run(images, Mode::Training);
        for (place, moved) in moved {
            if let Parameters::Norm(norm) = &mut self.parameters[place] {
                norm.accept(moved);
            }
        }
        output
    }

    /// Names, shapes and roles of the parameters, in the order in which Burn visits them.
    pub(super) fn roles(&self) -> Vec<(String, Role)> {
        self.description().parameters().into_iter().map(|p| (p.name, p.role)).collect()
    }
}

/// Images with mean and deviation removed, where the network asks for it.
fn normalised(constants: Option<[[f32; 3]; 2]>, images: Tensor<4>) -> Tensor<4> {
    let Some(constants) = constants else { return images };
    let [mean, std] = constants.map(|c| floats(c.to_vec(), [1, 3, 1, 1], &images.device()));
    (images - mean) / std
}
