//! Folding: decides which layers of a frozen network are computed together, and computes their weights.

use super::EPS;
use super::description::{Description, Operation, Value};
use super::frozen::{Affine, Step};
use super::weights::{Taken, WeightsError};
use burn::tensor::{Device, Tensor};
use burn_fused_conv as kernels;

/// The step of a frozen network that computes a layer.
pub(super) enum Folded {
    /// A step of its own.
    Alone,
    /// The step of another layer.
    Elsewhere,
    /// A step of its own, which also computes the convolution at this index.
    Into(usize),
}

/// The convolution whose output only `reader` reads.
fn conv_before(description: &Description, reader: usize) -> Option<usize> {
    let Value::Layer(conv) = description.layers[reader].input else { return None };
    let is_conv = matches!(description.layers[conv].operation, Operation::Conv { .. });
    (is_conv && description.only_reader(conv) == Some(reader)).then_some(conv)
}

/// Whether no element of a value is negative. Images are not, unless mean and deviation are removed.
fn never_negative(description: &Description, value: Value, images_in_range: bool) -> bool {
    let Value::Layer(index) = value else { return images_in_range };
    let layer = &description.layers[index];
    match layer.operation {
        Operation::NormRelu | Operation::Relu => true,
        Operation::MaxPool | Operation::AveragePool { .. } => {
            never_negative(description, layer.input, images_in_range)
        }
        _ => false,
    }
}

/// The normalisation that the convolution at `conv` applies to its input: one that follows no
/// convolution of its own, and that only convolutions read.
fn norm_before(description: &Description, conv: usize) -> Option<usize> {
    let Value::Layer(norm) = description.layers[conv].input else { return None };
    read_while_convolving(description, norm).then_some(norm)
}

/// Whether convolutions apply the normalisation at `norm` while they read its input.
fn read_while_convolving(description: &Description, norm: usize) -> bool {
    let layers = &description.layers;
    let is_conv = |reader: &usize| matches!(layers[*reader].operation, Operation::Conv { .. });
    layers[norm].operation == Operation::NormRelu
        && conv_before(description, norm).is_none()
        && !description.taps.contains(&norm)
        && description.readers(norm).iter().all(is_conv)
}

/// The convolution that the normalisation at `norm` becomes a part of; `None` if it does not.
fn folds_into(description: &Description, norm: usize, images_in_range: bool) -> Option<usize> {
    let conv = conv_before(description, norm)?;
    let input = description.layers[conv].input;
    let possible = norm_before(description, conv).is_some()
        || never_negative(description, input, images_in_range);
    possible.then_some(conv)
}

/// Whether the convolution at `conv` adds the skip connection itself.
fn adds(description: &Description, conv: usize) -> bool {
    let plain = Operation::Conv {
        outputs: description.channels_of(Value::Layer(conv)),
        kernel: 3,
        stride: 1,
        bias: false,
    };
    description.layers[conv].operation == plain && norm_before(description, conv).is_none()
}

/// The step that computes the layer at `index`.
pub(super) fn fold(description: &Description, index: usize, images_in_range: bool) -> Folded {
    let layers = &description.layers;
    match layers[index].operation {
        Operation::Conv { .. } => {
            let Some(reader) = description.only_reader(index) else { return Folded::Alone };
            let elsewhere = match layers[reader].operation {
                Operation::NormRelu => {
                    folds_into(description, reader, images_in_range) == Some(index)
                }
                Operation::Add { .. } => {
                    layers[reader].input == Value::Layer(index) && adds(description, index)
                }
                _ => false,
            };
            if elsewhere { Folded::Elsewhere } else { Folded::Alone }
        }
        Operation::NormRelu => {
            if read_while_convolving(description, index) {
                return Folded::Elsewhere;
            }
            folds_into(description, index, images_in_range).map_or(Folded::Alone, Folded::Into)
        }
        Operation::Add { .. } => match conv_before(description, index) {
            Some(conv) if adds(description, conv) => Folded::Into(conv),
            _ => Folded::Alone,
        },
        _ => Folded::Alone,
    }
}

/// Reads weights from a file and folds them.
pub(super) struct Reader<'a> {
    taken: Taken<'a>,
    device: &'a Device,
}

impl<'a> Reader<'a> {
    /// Reads from `taken` and creates tensors on `device`.
    pub(super) fn new(taken: Taken<'a>, device: &'a Device) -> Self {
        Self { taken, device }
    }

    /// Checks that every array was read.
    pub(super) fn end(self) -> Result<(), WeightsError> {
        self.taken.end()
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        kernels::floats(values, shape, self.device)
    }

    /// The arrays of a layer, in the order of [`Description::parameters_of`].
    fn arrays(&mut self, of: &Description, index: usize) -> Result<Vec<Vec<f32>>, WeightsError> {
        let mut arrays = Vec::new();
        for parameter in of.parameters_of(index) {
            arrays.push(self.taken.take(parameter.name, &parameter.shape)?.values.clone());
        }
        Ok(arrays)
    }

    /// Scale and shift of the normalisation at `norm`.
    fn affine(&mut self, of: &Description, norm: usize) -> Result<[Vec<f32>; 2], WeightsError> {
        let arrays = self.arrays(of, norm)?;
        let [gamma, beta, mean, var] = &arrays[..] else { return Ok([Vec::new(), Vec::new()]) };
        let scale: Vec<f32> = gamma.iter().zip(var).map(|(g, v)| g / (v + EPS).sqrt()).collect();
        let shift = (0..scale.len()).map(|c| beta[c] - mean[c] * scale[c]).collect();
        Ok([scale, shift])
    }

    fn pair(&self, [scale, shift]: [Vec<f32>; 2]) -> Affine {
        let channels = scale.len();
        let scale = self.tensor(scale, [channels]);
        Affine { scale, shift: self.tensor(shift, [channels]) }
    }

    /// Scale 1 and shift 0, which leave a value that is not negative as it is.
    pub(super) fn identity(&self, channels: usize) -> Affine {
        self.pair([vec![1.0; channels], vec![0.0; channels]])
    }

    /// Removes mean and deviation: `(x - mean) / std` for each channel, as a 1x1 convolution.
    pub(super) fn entry(&self, [mean, std]: [[f32; 3]; 2]) -> Step {
        let weight = (0..9).map(|i| if i % 4 == 0 { 1.0 / std[i / 3] } else { 0.0 }).collect();
        let bias = (0..3).map(|c| -mean[c] / std[c]).collect();
        Step::NormConv {
            norm: self.identity(3),
            weight: self.tensor(weight, [3, 3, 1, 1]),
            bias: self.tensor(bias, [3]),
            stride: 1,
            relu: false,
        }
    }

    /// A normalisation that is a step of its own. The bias of a convolution before it, which that
    /// convolution leaves out, is added to the shift.
    pub(super) fn norm_alone(
        &mut self,
        of: &Description,
        norm: usize,
    ) -> Result<Affine, WeightsError> {
        let [scale, mut shift] = self.affine(of, norm)?;
        if let Some(conv) = conv_before(of, norm)
            && let Some(bias) = self.arrays(of, conv)?.get(1)
        {
            let added = scale.iter().zip(bias).map(|(scale, bias)| scale * bias);
            shift.iter_mut().zip(added).for_each(|(shift, added)| *shift += added);
        }
        Ok(self.pair([scale, shift]))
    }

    /// The convolution at `conv` with all that is folded into it, for the layer at `place`: itself, or
    /// the normalisation or sum that reads it. Also gives what the step reads.
    pub(super) fn conv(
        &mut self,
        of: &Description,
        conv: usize,
        place: usize,
        images_in_range: bool,
    ) -> Result<(Value, Step), WeightsError> {
        let Operation::Conv { outputs, kernel, stride, .. } = of.layers[conv].operation else {
            unreachable!("the caller found a convolution")
        };
        let mut arrays = self.arrays(of, conv)?.into_iter();
        let mut weight = arrays.next().unwrap_or_default();
        let mut bias = arrays.next().unwrap_or_else(|| vec![0.0; outputs]);
        let inputs = of.channels_of(of.layers[conv].input);
        let shape = [outputs, inputs, kernel, kernel];
        let relu = of.layers[place].operation == Operation::NormRelu;
        if relu {
            let [scale, shift] = self.affine(of, place)?;
            for (kernel, scale) in weight.chunks_exact_mut(inputs * kernel * kernel).zip(&scale) {
                kernel.iter_mut().for_each(|w| *w *= scale);
            }
            bias = (0..outputs).map(|c| bias[c] * scale[c] + shift[c]).collect();
        }
        let before = norm_before(of, conv);
        let input = before.map_or(of.layers[conv].input, |norm| of.layers[norm].input);
        let weight = self.tensor(weight, shape);
        let step = match (before, of.layers[place].operation) {
            (_, Operation::Add { other }) => Step::ConvAdd { weight, other },
            (None, _) if !relu => Step::Conv { weight, stride },
            _ => {
                let norm = match before {
                    Some(norm) => {
                        let affine = self.affine(of, norm)?;
                        self.pair(affine)
                    }
                    None => self.identity(inputs),
                };
                Step::NormConv { norm, weight, bias: self.tensor(bias, [outputs]), stride, relu }
            }
        };
        debug_assert!(before.is_some() || !relu || never_negative(of, input, images_in_range));
        Ok((input, step))
    }

    /// A linear layer, `weight [outputs, inputs]`.
    pub(super) fn linear(&mut self, of: &Description, index: usize) -> Result<Step, WeightsError> {
        let mut arrays = self.arrays(of, index)?.into_iter();
        let weight = arrays.next().unwrap_or_default();
        let bias = arrays.next().unwrap_or_default();
        let inputs = weight.len() / bias.len().max(1);
        let shape = [bias.len(), inputs, 1, 1];
        Ok(Step::Linear { weight: self.tensor(weight, shape), bias })
    }
}
