//! A network that only predicts, with its batch normalisation folded away.
//!
//! With fixed statistics, `bn(y) = scale y + shift` with `scale = gamma / sqrt(var + eps)` and
//! `shift = beta - mean scale`. A block's second normalisation follows its first convolution, so
//! `bn(w * x) = (scale w) * x + shift`: the weights take the scale and the shift becomes a bias.
//! The first normalisation of a block follows a residual sum, which the features and the skip
//! need as it is; it is applied while the convolution reads its input. Outputs equal the
//! unfolded network's up to rounding.

use super::weights::{Arrays, Taken, WeightsError};
use super::{Arch, EPS, Output};
use burn::tensor::{Device, Tensor};
use burn_fused_conv as kernels;

/// `relu(scale x + shift)`, one pair a channel.
#[derive(Clone, Debug)]
struct Affine {
    scale: Tensor<1>,
    shift: Tensor<1>,
}

#[derive(Clone, Debug)]
struct Block {
    before: Affine,
    /// First convolution, folded with the normalisation after it.
    weight1: Tensor<4>,
    bias1: Tensor<1>,
    weight2: Tensor<4>,
    stride: usize,
    /// Weights of the shortcut and its zero bias.
    shortcut: Option<(Tensor<4>, Tensor<1>)>,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let enter = |weight: &Tensor<4>, bias: &Tensor<1>, relu: bool| {
            let Affine { scale, shift } = self.before.clone();
            let (weight, bias) = (weight.clone(), bias.clone());
            kernels::norm_conv2d(x.clone(), [scale, shift], weight, bias, self.stride, relu)
        };
        let inner = enter(&self.weight1, &self.bias1, true);
        let skip = self.shortcut.as_ref().map(|(weight, zero)| enter(weight, zero, false));
        kernels::conv2d_add(inner, self.weight2.clone(), skip.unwrap_or(x))
    }
}

/// `weight x + bias` at every place of an `x >= 0`, as a convolution of 1x1: the kernels are there
/// already, while matrix products and sums would be other programs in the page.
#[derive(Clone, Debug)]
struct Pixelwise {
    weight: Tensor<4>,
    bias: Tensor<1>,
    /// Scale 1 and shift 0, which leave `x >= 0` as it is.
    unit: [Tensor<1>; 2],
}

impl Pixelwise {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        kernels::norm_conv2d(x, self.unit.clone(), weight, bias, 1, false)
    }
}

/// The frozen form of a WideResNet.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Takes mean and deviation out, where the network wants it.
    entry: Option<Pixelwise>,
    conv1: Tensor<4>,
    groups: Vec<Vec<Block>>,
    last: Affine,
    fc: Pixelwise,
}

impl Frozen {
    /// Images `[n, 3, h, w]` in 0..1 -> logits and the three group features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        let x = self.entry.as_ref().map_or(images.clone(), |entry| entry.forward(images));
        let mut x = kernels::conv2d(x, self.conv1.clone(), 1);
        let mut features = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            for block in group {
                x = block.forward(x);
            }
            features.push(x.clone());
        }
        let Affine { scale, shift } = self.last.clone();
        let x = kernels::affine_relu(x, scale, shift);
        let [n, c, h, w] = x.dims();
        let pooled = x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]);
        let logits = self.fc.forward(pooled.clone().reshape([n, c, 1, 1])).flatten(1, 3);
        Output { logits, features, pooled }
    }
}

/// Makes tensors of a file's weights.
struct Reader<'a> {
    taken: Taken<'a>,
    device: &'a Device,
}

impl Reader<'_> {
    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        kernels::floats(values, shape, self.device)
    }

    fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        Ok(self.taken.take(name.to_string(), shape)?.values.clone())
    }

    /// `weight [out, in]`, as many outputs as `bias` has.
    fn pixelwise(&self, weight: Vec<f32>, bias: Vec<f32>) -> Pixelwise {
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        Pixelwise {
            weight: self.tensor(weight, [outputs, inputs, 1, 1]),
            bias: self.tensor(bias, [outputs]),
            unit: [1.0, 0.0].map(|value| self.tensor(vec![value; inputs], [inputs])),
        }
    }

    fn weight<const D: usize>(
        &mut self,
        name: String,
        shape: [usize; D],
    ) -> Result<Tensor<D>, WeightsError> {
        let values = self.taken.take(name, &shape)?.values.clone();
        Ok(self.tensor(values, shape))
    }

    /// Scale and shift of a batch normalisation with its running statistics.
    fn affine(&mut self, name: &str, channels: usize) -> Result<[Vec<f32>; 2], WeightsError> {
        let mut part = |part: &str| -> Result<Vec<f32>, WeightsError> {
            Ok(self.taken.take(format!("{name}.{part}"), &[channels])?.values.clone())
        };
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, var) = (part("running_mean")?, part("running_var")?);
        let scale: Vec<f32> = gamma.iter().zip(&var).map(|(g, v)| g / (v + EPS).sqrt()).collect();
        let shift = (0..channels).map(|c| beta[c] - mean[c] * scale[c]).collect();
        Ok([scale, shift])
    }

    fn norm(&mut self, name: &str, channels: usize) -> Result<Affine, WeightsError> {
        let [scale, shift] = self.affine(name, channels)?;
        let scale = self.tensor(scale, [channels]);
        Ok(Affine { scale, shift: self.tensor(shift, [channels]) })
    }

    fn block(
        &mut self,
        name: &str,
        (cin, cout, stride): (usize, usize, usize),
    ) -> Result<Block, WeightsError> {
        let before = self.norm(&format!("{name}.bn1"), cin)?;
        let [scale, shift] = self.affine(&format!("{name}.bn2"), cout)?;
        let shape = [cout, cin, 3, 3];
        let mut weight = self.taken.take(format!("{name}.conv1.weight"), &shape)?.values.clone();
        for (kernel, scale) in weight.chunks_exact_mut(cin * 9).zip(scale) {
            kernel.iter_mut().for_each(|w| *w *= scale);
        }
        let weight1 = self.tensor(weight, shape);
        let weight2 = self.weight(format!("{name}.conv2.weight"), [cout, cout, 3, 3])?;
        let shortcut = if cin == cout {
            None
        } else {
            let weight = self.weight(format!("{name}.convShortcut.weight"), [cout, cin, 1, 1])?;
            Some((weight, self.tensor(vec![0.0; cout], [cout])))
        };
        Ok(Block { before, weight1, bias1: self.tensor(shift, [cout]), weight2, stride, shortcut })
    }
}

/// A network of `arch` with these weights on `device`, for prediction only. PyTorch's
/// `num_batches_tracked` is ignored; any other unknown name is an error.
pub fn frozen(arch: &Arch, arrays: &Arrays, device: &Device) -> Result<Frozen, WeightsError> {
    let config = arch.config().map_err(WeightsError::Arch)?;
    let mut read = Reader { taken: Taken::from(arrays), device };
    let conv1 = read.weight("conv1.weight".into(), [16, 3, 3, 3])?;
    let mut groups = Vec::new();
    for g in 1..=3 {
        let name = |b: usize| format!("block{g}.layer.{b}");
        let blocks = (0..config.blocks()).map(|b| read.block(&name(b), config.block(g, b)));
        groups.push(blocks.collect::<Result<Vec<_>, _>>()?);
    }
    let (width, classes) = (config.widths()[3], config.classes);
    let last = read.norm("bn1", width)?;
    let fc = read.values("fc.weight", &[classes, width])?;
    let bias = read.values("fc.bias", &[classes])?;
    let fc = read.pixelwise(fc, bias);
    let entry = config.normalisation.map(|[mean, std]| {
        let weight = (0..9).map(|i| if i % 4 == 0 { 1.0 / std[i / 3] } else { 0.0 }).collect();
        read.pixelwise(weight, (0..3).map(|c| -mean[c] / std[c]).collect())
    });
    read.taken.end()?;
    Ok(Frozen { entry, conv1, groups, last, fc })
}
