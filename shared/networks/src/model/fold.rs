//! Folding: computes the weights of a frozen network, in which batch normalisation is a part of the
//! convolutions. [`super::plan`] decides which layers are computed together.

use super::description::{Description, Operation};
use super::frozen::{Affine, Step};
use super::plan::{Group, conv_before};
use super::weights::{ArrayReader, WeightsError};
use super::{EPS, RGB};
use burn::tensor::{Device, Tensor};
use burn_fused_conv as kernels;

/// Reads weights from a file and folds them.
pub(super) struct Reader<'a> {
    taken: ArrayReader<'a>,
    device: &'a Device,
}

impl<'a> Reader<'a> {
    /// Reads from `taken` and creates tensors on `device`.
    pub(super) fn new(taken: ArrayReader<'a>, device: &'a Device) -> Self {
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
    pub(super) fn entry(&self, [mean, std]: [[f32; RGB]; 2]) -> Step {
        let mut weight = vec![0.0; RGB * RGB];
        for (channel, std) in std.iter().enumerate() {
            weight[channel * RGB + channel] = 1.0 / std;
        }
        let bias = (0..RGB).map(|c| -mean[c] / std[c]).collect();
        Step::NormConv {
            norm: self.identity(RGB),
            weight: self.tensor(weight, [RGB, RGB, 1, 1]),
            bias: self.tensor(bias, [RGB]),
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

    /// The convolution of a group, with the normalisations or the sum of the group.
    pub(super) fn conv(&mut self, of: &Description, group: &Group) -> Result<Step, WeightsError> {
        let conv = group.conv.unwrap_or(group.layer);
        let Operation::Conv { outputs, kernel, stride, .. } = of.layers[conv].operation else {
            unreachable!("the caller found a convolution")
        };
        let mut arrays = self.arrays(of, conv)?.into_iter();
        let mut weight = arrays.next().unwrap_or_default();
        let mut bias = arrays.next().unwrap_or_else(|| vec![0.0; outputs]);
        let inputs = of.channels_of(of.layers[conv].input);
        let relu = of.layers[group.layer].operation == Operation::NormRelu;
        if relu {
            let [scale, shift] = self.affine(of, group.layer)?;
            for (kernel, scale) in weight.chunks_exact_mut(inputs * kernel * kernel).zip(&scale) {
                kernel.iter_mut().for_each(|w| *w *= scale);
            }
            bias = (0..outputs).map(|c| bias[c] * scale[c] + shift[c]).collect();
        }
        let weight = self.tensor(weight, [outputs, inputs, kernel, kernel]);
        if group.other.is_some() {
            return Ok(Step::ConvAdd { weight });
        }
        let norm = match group.before {
            Some(norm) => {
                let affine = self.affine(of, norm)?;
                self.pair(affine)
            }
            None if relu => self.identity(inputs),
            None => return Ok(Step::Conv { weight, stride }),
        };
        Ok(Step::NormConv { norm, weight, bias: self.tensor(bias, [outputs]), stride, relu })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::model::plan::{Form, Plan};
    use crate::model::weights::{Array, Arrays};
    use crate::testing::{close, values};

    /// A 1x1 convolution of weight 3 and a normalisation of scale 2 and shift -4, in one of both orders.
    fn network(is_norm_first: bool) -> Description {
        let conv = Operation::Conv { outputs: 1, kernel: 1, stride: 1, bias: !is_norm_first };
        let mut network = Description::new(1);
        let mut layers = [("conv", conv), ("bn", Operation::NormRelu)];
        if is_norm_first {
            layers.reverse();
        }
        let mut x = Value::Images;
        for (name, operation) in layers {
            x = network.add(name, x, operation);
        }
        let x = network.add("pool", x, Operation::AveragePool { size: 1 });
        network.add("fc", x, Operation::Linear { outputs: 2 });
        network
    }

    /// The arrays of the two layers. Scale `6 / sqrt(9)`, shift `2 - 3 * 2`.
    fn arrays(has_bias: bool) -> Arrays {
        let array = |name: &str, value: f32| {
            let shape = if name == "conv.weight" { vec![1; 4] } else { vec![1] };
            (name.to_string(), Array { shape, values: vec![value] })
        };
        let mut arrays = Arrays::from([
            array("conv.weight", 3.0),
            array("bn.weight", 6.0),
            array("bn.bias", 2.0),
            array("bn.running_mean", 3.0),
            array("bn.running_var", 9.0 - EPS),
        ]);
        arrays.extend(has_bias.then(|| array("conv.bias", 0.5)));
        arrays
    }

    /// The group that ends with `layer`.
    fn group(network: &Description, images_in_range: bool, layer: usize) -> Group {
        let plan = Plan::new(network, Form::Frozen { images_in_range });
        *plan.groups.iter().find(|group| group.layer == layer).expect("it ends a group")
    }

    #[test]
    fn a_normalisation_scales_the_convolution_before_it() {
        let network = network(false);
        let arrays = arrays(true);
        let device = Device::flex();
        let mut reader = Reader::new(ArrayReader::from(&arrays), &device);
        let step = reader.conv(&network, &group(&network, true, 1)).expect("they fit");
        let Step::NormConv { norm, weight, bias, relu, .. } = step else { panic!("{step:?}") };
        close(&values(weight), &[6.0]);
        close(&values(bias), &[0.5 * 2.0 - 4.0]);
        assert!(relu, "the ReLU after the normalisation");
        assert_eq!([values(norm.scale), values(norm.shift)], [[1.0], [0.0]]);
        assert!(reader.end().is_ok());
    }

    #[test]
    fn a_normalisation_of_its_own_adds_the_bias_of_the_convolution() {
        let network = network(false);
        let arrays = arrays(true);
        let device = Device::flex();
        let mut reader = Reader::new(ArrayReader::from(&arrays), &device);
        let step = reader.conv(&network, &group(&network, false, 0)).expect("they fit");
        let Step::Conv { weight, stride: 1 } = step else { panic!("{step:?}") };
        assert_eq!(values(weight), [3.0]);
        let Affine { scale, shift } = reader.norm_alone(&network, 1).expect("they fit");
        close(&values(scale), &[2.0]);
        close(&values(shift), &[0.5 * 2.0 - 4.0]);
    }

    #[test]
    fn a_convolution_computes_the_normalisation_of_its_input() {
        let network = network(true);
        let arrays = arrays(false);
        let device = Device::flex();
        let mut reader = Reader::new(ArrayReader::from(&arrays), &device);
        let step = reader.conv(&network, &group(&network, true, 1)).expect("they fit");
        let Step::NormConv { norm, weight, bias, relu, .. } = step else { panic!("{step:?}") };
        close(&values(norm.scale), &[2.0]);
        close(&values(norm.shift), &[-4.0]);
        assert_eq!([values(weight), values(bias)], [[3.0], [0.0]]);
        assert!(!relu);
    }

    #[test]
    fn the_entry_removes_mean_and_deviation() {
        let arrays = Arrays::new();
        let device = Device::flex();
        let reader = Reader::new(ArrayReader::from(&arrays), &device);
        let step = reader.entry([[0.1, 0.2, 0.3], [0.5, 0.25, 0.2]]);
        let Step::NormConv { weight, bias, relu: false, .. } = step else { panic!("{step:?}") };
        close(&values(weight), &[2.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 5.0]);
        close(&values(bias), &[-0.2, -0.8, -1.5]);
    }

    #[test]
    fn an_array_that_no_layer_reads_is_named() {
        let arrays = arrays(false);
        let device = Device::flex();
        let error = Reader::new(ArrayReader::from(&arrays), &device).end();
        assert!(matches!(error, Err(WeightsError::Extra(name)) if name == "bn.bias"));
    }
}
