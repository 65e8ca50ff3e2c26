//! A network that only predicts, with its batch normalisation folded into the convolutions.
//!
//! With fixed statistics, `bn(y) = scale y + shift` with `scale = gamma / sqrt(var + eps)` and
//! `shift = beta - mean scale`. Three cases follow from the list of layers ([`super::plan`]):
//!
//! | the normalisation reads | it becomes |
//! |---|---|
//! | a convolution that nothing else reads, and whose input is normalised or not negative | part of that convolution: `bn(w x + b) = (scale w) x + (scale b + shift)` |
//! | a value that is not such a convolution, and only convolutions read it | a step before those convolutions, while they read their input |
//! | anything else | an operation of its own |
//!
//! Outputs equal those of the unfolded network up to rounding.

use super::description::{Description, Operation};
use super::fold::Reader;
use super::plan::{Form, Group, Plan};
use super::weights::{ArrayReader, Arrays, WeightsError};
use super::{Arch, Output, pooling};
use burn::tensor::{Device, Tensor};
use burn_fused_conv::{self as kernels, Maps};

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
    },
    /// `relu(scale x + shift)`.
    NormRelu(Affine),
    /// `max(x, 0)`: `scale` is 1 and `shift` is 0.
    Relu(Affine),
    /// `x + other`.
    Add,
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
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_networks::model::weights::{Array, Arrays, frozen, read};
/// use unstamp_networks::model::Arch;
///
/// // If all other weights are 0, the logits are the bias of the last layer.
/// let arch = Arch::new("wrn-10-1", 3);
/// let mut arrays = Arrays::new();
/// for parameter in arch.describe()?.parameters() {
///     let values = vec![0.0; parameter.shape.iter().product()];
///     arrays.insert(parameter.name, Array { shape: parameter.shape, values });
/// }
/// arrays.insert("fc.bias".into(), Array { shape: vec![3], values: vec![0.5, -1.0, 2.0] });
/// let device = Device::flex();
/// let network = frozen(&arch, &arrays, &device)?;
/// let logits = network.forward(Tensor::ones([1, 3, 8, 8], &device)).logits;
/// let values = pollster::block_on(read(vec![logits.flatten(0, 1)]))?;
/// assert_eq!(values, [[0.5, -1.0, 2.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Removes mean and deviation, where the network asks for it.
    entry: Option<Step>,
    plan: Plan,
    /// One for each group of the plan.
    steps: Vec<Step>,
}

impl Frozen {
    /// Images `[n, channels, h, w]` in 0..1 -> logits and features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        let images = Maps::new(images);
        let images = match &self.entry {
            Some(step) => step.apply(images, None),
            None => images,
        };
        let mut values = self.plan.start(images);
        for (group, step) in self.plan.groups.iter().zip(&self.steps) {
            let x = values.read(group.input);
            let other = group.other.map(|other| values.read(other));
            values.store(group, step.apply(x, other));
        }
        self.plan.output(values)
    }
}

impl Step {
    /// The step for the input `x` and, in a sum, the second summand.
    fn apply(&self, x: Maps, other: Option<Maps>) -> Maps {
        match (self, other) {
            (Self::ConvAdd { weight }, Some(other)) => {
                kernels::conv2d_add(x, weight.clone(), other)
            }
            (Self::ConvAdd { weight }, None) => kernels::conv2d(x, weight.clone(), 1),
            (Self::Add, Some(other)) => x + other,
            (Self::Add, None) => x,
            (Self::Conv { weight, stride }, _) => kernels::conv2d(x, weight.clone(), *stride),
            (Self::NormConv { norm, weight, bias, stride, relu }, _) => {
                let Affine { scale, shift } = norm.clone();
                let weight = weight.clone();
                let bias = bias.clone();
                kernels::norm_conv2d(x, [scale, shift], weight, bias, *stride, *relu)
            }
            (Self::NormRelu(Affine { scale, shift }) | Self::Relu(Affine { scale, shift }), _) => {
                kernels::affine_relu(x, scale.clone(), shift.clone())
            }
            (Self::MaxPool, _) => pooling::maximum(x),
            (Self::AveragePool { size }, _) => pooling::average(x, *size),
            (Self::Linear { weight, bias }, _) => linear(x, weight.clone(), bias),
        }
    }
}

/// A linear layer as a convolution of one pixel: the kernels are in the program already, while a
/// matrix product would add to the size of the page.
fn linear(x: Maps, weight: Tensor<4>, bias: &[f32]) -> Maps {
    let [n, c, h, w] = x.dims();
    let x = x.into_tensor().reshape([n, c * h * w, 1, 1]);
    let bias = kernels::floats(bias.repeat(n), [n, bias.len(), 1, 1], &x.device());
    kernels::conv2d_add(Maps::new(x), weight, Maps::new(bias))
}

/// A network of `arch` with these weights on `device`, for prediction only. PyTorch's
/// `num_batches_tracked` is ignored.
///
/// # Errors
/// If the architecture is unknown, or an array is missing, has another shape, is not finite, or does
/// not belong to the architecture.
pub fn frozen(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Frozen, WeightsError> {
    let description = arch.describe()?;
    let mut read = Reader::new(ArrayReader::from(arrays), device);
    let entry = arch.normalisation.map(|constants| read.entry(constants));
    let plan = Plan::new(&description, Form::Frozen { images_in_range: entry.is_none() });
    let mut steps = Vec::with_capacity(plan.groups.len());
    for group in &plan.groups {
        steps.push(step(&description, group, &mut read)?);
    }
    read.end()?;
    Ok(Frozen { entry, plan, steps })
}

/// The step that computes a group.
fn step(of: &Description, group: &Group, read: &mut Reader) -> Result<Step, WeightsError> {
    if group.conv.is_some() {
        return read.conv(of, group);
    }
    let layer = &of.layers[group.layer];
    Ok(match layer.operation {
        Operation::Conv { .. } => read.conv(of, group)?,
        Operation::NormRelu => Step::NormRelu(read.norm_alone(of, group.layer)?),
        Operation::Relu => Step::Relu(read.identity(of.channels_of(layer.input))),
        Operation::Add { .. } => Step::Add,
        Operation::MaxPool => Step::MaxPool,
        Operation::AveragePool { size } => Step::AveragePool { size },
        Operation::Linear { .. } => read.linear(of, group.layer)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::weights::Array;
    use crate::testing::{arch, close, constant, values};

    #[test]
    fn a_linear_layer_reads_channels_before_positions() {
        let device = Device::flex();
        let x = vec![1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0];
        let x = Maps::new(kernels::floats(x, [2, 2, 1, 2], &device));
        let weight = kernels::floats(vec![1.0, 10.0, 100.0, 1000.0], [1, 4, 1, 1], &device);
        close(&values(linear(x, weight, &[0.5]).into_tensor()), &[4321.5, 0.5]);
    }

    #[test]
    fn arrays_that_do_not_fit_are_named() {
        let device = Device::flex();
        let fault = |arrays: &Arrays| frozen(&arch(), arrays, &device).err();
        let mut arrays = constant(0);
        let counter = Array { shape: Vec::new(), values: vec![7.0] };
        arrays.insert("bn1.num_batches_tracked".to_string(), counter.clone());
        assert!(fault(&arrays).is_none(), "a count of batches is ignored");
        arrays.insert("other".to_string(), counter);
        assert!(matches!(fault(&arrays), Some(WeightsError::Extra(name)) if name == "other"));
        arrays.remove("other");
        arrays.remove("bn1.weight");
        let missing = fault(&arrays);
        assert!(matches!(missing, Some(WeightsError::Missing(name)) if name == "bn1.weight"));
        let unknown = frozen(&Arch::new("wrn", 3), &constant(0), &device);
        assert!(matches!(unknown, Err(WeightsError::Arch(_))));
    }
}
