//! A network that only predicts, with its batch normalisation folded into the convolutions.
//!
//! With fixed statistics, `bn(y) = scale y + shift` with `scale = gamma / sqrt(var + eps)` and
//! `shift = beta - mean scale`. Three cases follow from the list of layers:
//!
//! | the normalisation reads | it becomes |
//! |---|---|
//! | a convolution that nothing else reads | part of that convolution: `bn(w x + b) = (scale w) x + (scale b + shift)` |
//! | another value, and only convolutions read it | a step before those convolutions, while they read their input |
//! | anything else | an operation of its own |
//!
//! Outputs equal those of the unfolded network up to rounding.

use super::description::{Description, Operation, Value};
use super::fold::{Folded, Reader, fold};
use super::weights::{Arrays, Taken, WeightsError};
use super::{Arch, Output, pooling};
use burn::tensor::{Device, Tensor};
use burn_fused_conv as kernels;

/// `scale x + shift`, one pair for each channel.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    /// `[channels]`.
    pub scale: Tensor<1>,
    /// `[channels]`.
    pub shift: Tensor<1>,
}

/// One operation of a frozen network.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a network has some dozens of steps; sizes depend on the backend"
)]
pub(super) enum Step {
    /// Convolution alone.
    Conv {
        weight: Tensor<4>,
        stride: usize,
    },
    /// `conv(relu(scale x + shift)) + bias`, then ReLU where `relu` is set.
    NormConv {
        norm: Affine,
        weight: Tensor<4>,
        bias: Tensor<1>,
        stride: usize,
        relu: bool,
    },
    /// `conv(x) + other`, stride 1.
    ConvAdd {
        weight: Tensor<4>,
        other: Value,
    },
    /// `relu(scale x + shift)`.
    NormRelu(Affine),
    /// `max(x, 0)`: `scale` is 1 and `shift` is 0.
    Relu(Affine),
    Add {
        other: Value,
    },
    MaxPool,
    AveragePool {
        size: usize,
    },
    /// `weight x + bias` of the flattened input, as a 1x1 convolution.
    Linear {
        weight: Tensor<4>,
        bias: Vec<f32>,
    },
}

/// The frozen form of a network.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Removes mean and deviation, where the network asks for it.
    entry: Option<Step>,
    /// One for each layer: what it reads and does; `None` where another step does it.
    steps: Vec<Option<(Value, Step)>>,
    taps: Vec<usize>,
}

impl Frozen {
    /// Images `[n, channels, h, w]` in 0..1 -> logits and features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        let images = match &self.entry {
            Some(step) => step.apply(images.clone(), &images, &[]),
            None => images,
        };
        let mut values: Vec<Option<Tensor<4>>> = Vec::with_capacity(self.steps.len());
        let mut pooled = images.clone();
        for step in &self.steps {
            let value = step.as_ref().map(|(input, step)| {
                let x = value_of(*input, &images, &values);
                pooled = x.clone();
                step.apply(x, &images, &values)
            });
            values.push(value);
        }
        let last = Value::Layer(values.len() - 1);
        let feature = |index: &usize| value_of(Value::Layer(*index), &images, &values);
        Output {
            logits: value_of(last, &images, &values).flatten(1, 3),
            features: self.taps.iter().map(feature).collect(),
            pooled: pooled.flatten(1, 3),
        }
    }
}

/// A value that has been computed.
fn value_of(value: Value, images: &Tensor<4>, values: &[Option<Tensor<4>>]) -> Tensor<4> {
    match value {
        Value::Images => images.clone(),
        Value::Layer(index) => values[index].clone().expect("layers stand in order"),
    }
}

impl Step {
    fn apply(&self, x: Tensor<4>, images: &Tensor<4>, values: &[Option<Tensor<4>>]) -> Tensor<4> {
        match self {
            Self::Conv { weight, stride } => kernels::conv2d(x, weight.clone(), *stride),
            Self::NormConv { norm, weight, bias, stride, relu } => {
                let Affine { scale, shift } = norm.clone();
                let (weight, bias) = (weight.clone(), bias.clone());
                kernels::norm_conv2d(x, [scale, shift], weight, bias, *stride, *relu)
            }
            Self::ConvAdd { weight, other } => {
                kernels::conv2d_add(x, weight.clone(), value_of(*other, images, values))
            }
            Self::NormRelu(Affine { scale, shift }) | Self::Relu(Affine { scale, shift }) => {
                kernels::affine_relu(x, scale.clone(), shift.clone())
            }
            Self::Add { other } => x + value_of(*other, images, values),
            Self::MaxPool => pooling::maximum(x),
            Self::AveragePool { size } => pooling::average(x, [*size; 2]),
            Self::Linear { weight, bias } => linear(x, weight.clone(), bias),
        }
    }
}

/// A linear layer as a convolution of one pixel: the kernels are in the program already, while a
/// matrix product would add to the size of the page.
fn linear(x: Tensor<4>, weight: Tensor<4>, bias: &[f32]) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let device = x.device();
    let bias = kernels::floats(bias.repeat(n), [n, bias.len(), 1, 1], &device);
    kernels::conv2d_add(x.reshape([n, c * h * w, 1, 1]), weight, bias)
}

/// A network of `arch` with these weights on `device`, for prediction only. PyTorch's
/// `num_batches_tracked` is ignored.
///
/// # Errors
/// If the architecture is unknown, or an array is missing, has another shape, is not finite, or does
/// not belong to the architecture.
pub fn frozen(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Frozen, WeightsError> {
    let description = arch.describe()?;
    let mut read = Reader::new(Taken::from(arrays), device);
    let entry = arch.normalisation.map(|constants| read.entry(constants));
    let mut steps: Vec<Option<(Value, Step)>> = Vec::with_capacity(description.layers.len());
    for index in 0..description.layers.len() {
        steps.push(step(&description, index, &mut read, entry.is_none())?);
    }
    read.end()?;
    Ok(Frozen { entry, steps, taps: description.taps })
}

/// The step that computes a layer, and what it reads.
fn step(
    description: &Description,
    index: usize,
    read: &mut Reader,
    images_in_range: bool,
) -> Result<Option<(Value, Step)>, WeightsError> {
    let layer = &description.layers[index];
    let made = |step| Ok(Some((layer.input, step)));
    match fold(description, index, images_in_range) {
        Folded::Elsewhere => return Ok(None),
        Folded::Into(conv) => {
            return Ok(Some(read.conv(description, conv, index, images_in_range)?));
        }
        Folded::Alone => {}
    }
    match layer.operation {
        Operation::Conv { .. } => {
            Ok(Some(read.conv(description, index, index, images_in_range)?))
        }
        Operation::NormRelu => made(Step::NormRelu(read.norm_alone(description, index)?)),
        Operation::Relu => made(Step::Relu(read.identity(description.channels_of(layer.input)))),
        Operation::Add { other } => made(Step::Add { other }),
        Operation::MaxPool => made(Step::MaxPool),
        Operation::AveragePool { size } => made(Step::AveragePool { size }),
        Operation::Linear { .. } => made(read.linear(description, index)?),
    }
}
