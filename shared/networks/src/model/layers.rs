//! Layers that can be trained. Their parameters have PyTorch's names and shapes, so PyTorch's weights
//! fit.

use super::EPS;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use burn_fused_conv::{self as kernels, Maps, Statistics};
use unstamp_data::seed::Stream;

/// Weight of the new batch in the running statistics (PyTorch's default).
pub const MOMENTUM: f32 = 0.1;

/// Convolution, `weight [cout, cin, k, k]`, padding `(k - 1) / 2`.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[cout, cin, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[cout]`.
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
}

impl Conv2d {
    /// Random weights `N(0, 2 / (k^2 cout))`, as in NAD's public code ([He et al.
    /// 2015](https://arxiv.org/abs/1502.01852)); a bias is 0.
    pub fn init(
        [cout, cin, kernel, _]: [usize; 4],
        stride: usize,
        bias: bool,
        random: &mut Stream,
        device: &Device,
    ) -> Self {
        let std = (2.0 / (kernel * kernel * cout) as f32).sqrt();
        let values: Vec<f32> =
            (0..cout * cin * kernel * kernel).map(|_| std * random.normal()).collect();
        let data = TensorData::new(values, [cout, cin, kernel, kernel]);
        Self {
            weight: Param::from_data(data, device),
            bias: bias.then(|| Param::from_tensor(Tensor::zeros([cout], device))),
            stride,
        }
    }

    /// The convolution without its bias.
    pub fn forward(&self, x: Maps) -> Maps {
        kernels::conv2d(x, self.weight.val(), self.stride)
    }

    /// [`Conv2d::forward`], whose output also holds its mean and variance.
    pub fn train(&self, x: Maps) -> Maps {
        kernels::conv2d_with_statistics(x, self.weight.val(), self.stride)
    }

    /// Adds the bias, if there is one, to the output of the convolution.
    pub fn with_bias(&self, output: Maps) -> Maps {
        match &self.bias {
            Some(bias) => output.add_to_channels(bias.val()),
            None => output,
        }
    }
}

/// Batch normalisation ([Ioffe & Szegedy 2015](https://arxiv.org/abs/1502.03167)) followed by ReLU:
/// `max(0, weight (x - mean) / sqrt(var + eps) + bias)` for each channel.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, `[channels]`; not trained.
    pub running_mean: Param<Tensor<1>>,
    /// Running variance, `[channels]`; not trained.
    pub running_var: Param<Tensor<1>>,
}

/// Running statistics after a training pass.
pub struct UpdatedStatistics {
    mean: Tensor<1>,
    var: Tensor<1>,
}

impl BatchNorm {
    /// Weight 1, bias 0, mean 0, variance 1.
    pub fn init(channels: usize, device: &Device) -> Self {
        let fixed = |tensor: Tensor<1>| {
            Param::initialized(ParamId::new(), tensor.detach()).set_require_grad(false)
        };
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: fixed(Tensor::zeros([channels], device)),
            running_var: fixed(Tensor::ones([channels], device)),
        }
    }

    /// Evaluation mode: normalisation with the running statistics and ReLU, then `conv` if it is given,
    /// then the addition of `skip` if it is given (only for stride 1).
    pub fn evaluate(&self, x: Maps, conv: Option<&Conv2d>, skip: Option<Maps>) -> Maps {
        let scale = self.weight.val() / (self.running_var.val() + EPS).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        let x = kernels::affine_relu(x, scale.detach(), shift.detach());
        match (conv, skip) {
            (None, _) => x,
            (Some(conv), None) => conv.forward(x),
            (Some(conv), Some(skip)) => kernels::conv2d_add(x, conv.weight.val(), skip),
        }
    }

    /// Training mode: [`BatchNorm::evaluate`] with the statistics of the batch. Also gives the running
    /// statistics after this pass.
    pub fn train(
        &self,
        x: Maps,
        conv: Option<&Conv2d>,
        skip: Option<Maps>,
    ) -> (Maps, UpdatedStatistics) {
        let count = values_of_a_channel(&x);
        let (x, Statistics { mean, var }) = x.measured();
        let affine = [self.weight.val(), self.bias.val()];
        let output = match conv {
            Some(conv) => {
                let weight = conv.weight.val();
                kernels::batch_norm_conv2d(x, affine, EPS, weight, conv.stride, skip)
            }
            None => {
                let [weight, bias] = affine;
                kernels::batch_norm_relu(x, weight, bias, EPS)
            }
        };
        // PyTorch keeps the unbiased variance.
        let unbiased = var * (count / (count - 1.0).max(1.0));
        let moved = |old: &Param<Tensor<1>>, new: Tensor<1>| {
            old.val().detach() * (1.0 - MOMENTUM) + new * MOMENTUM
        };
        let mean = moved(&self.running_mean, mean);
        let var = moved(&self.running_var, unbiased);
        (output, UpdatedStatistics { mean, var })
    }

    /// Stores the running statistics of a training pass.
    pub fn accept(&mut self, moved: UpdatedStatistics) {
        let replaced = |old: &Param<Tensor<1>>, value: Tensor<1>| {
            Param::initialized(old.id, value).set_require_grad(false)
        };
        self.running_mean = replaced(&self.running_mean, moved.mean);
        self.running_var = replaced(&self.running_var, moved.var);
    }
}

fn values_of_a_channel(x: &Maps) -> f32 {
    let [n, _, h, w] = x.dims();
    (n * h * w) as f32
}

/// Fully connected layer, `weight [out, in]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// PyTorch's default weights `U(-1/sqrt(in), 1/sqrt(in))`, zero bias.
    pub fn init(inputs: usize, outputs: usize, random: &mut Stream, device: &Device) -> Self {
        let bound = 1.0 / (inputs as f32).sqrt();
        let values: Vec<f32> = (0..inputs * outputs).map(|_| random.range(-bound, bound)).collect();
        Self {
            weight: Param::from_data(TensorData::new(values, [outputs, inputs]), device),
            bias: Param::from_tensor(Tensor::zeros([outputs], device)),
        }
    }

    /// `x weight^T + bias`: `[n, in]` -> `[n, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val().transpose()) + self.bias.val().unsqueeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, values};
    use unstamp_data::seed::Seed;

    fn maps<const N: usize>(values: [f32; N], shape: [usize; 4]) -> Maps {
        Maps::new(kernels::floats(values.to_vec(), shape, &Device::flex()))
    }

    fn parameter(value: f32) -> Param<Tensor<1>> {
        Param::from_tensor(Tensor::from_floats([value], &Device::flex()))
    }

    /// Channel 0 holds 1 and 3: mean 2, biased variance 1, unbiased variance 2. Channel 1 is constant.
    #[test]
    fn a_training_pass_moves_the_statistics_by_the_momentum() {
        let mut norm = BatchNorm::init(2, &Device::flex());
        let (output, moved) =
            BatchNorm::train(&norm, maps([1.0, 5.0, 3.0, 5.0], [2, 2, 1, 1]), None, None);
        close(&values(output.into_tensor()), &[0.0, 0.0, 1.0, 0.0]);
        norm.accept(moved);
        close(&values(norm.running_mean.val()), &[0.2, 0.5]);
        close(&values(norm.running_var.val()), &[0.9 + 0.1 * 2.0, 0.9]);
    }

    #[test]
    fn a_single_value_has_a_variance_of_0() {
        let mut norm = BatchNorm::init(1, &Device::flex());
        let (output, moved) = BatchNorm::train(&norm, maps([4.0], [1, 1, 1, 1]), None, None);
        assert_eq!(values(output.into_tensor()), [0.0]);
        norm.accept(moved);
        close(&values(norm.running_var.val()), &[0.9]);
    }

    #[test]
    fn evaluation_uses_the_running_statistics() {
        let norm = BatchNorm {
            weight: parameter(3.0),
            bias: parameter(1.0),
            running_mean: parameter(2.0),
            running_var: parameter(4.0 - EPS),
        };
        let output = norm.evaluate(maps([4.0, 0.0], [2, 1, 1, 1]), None, None);
        // 3 (4 - 2) / 2 + 1, and 3 (0 - 2) / 2 + 1, which ReLU makes 0.
        close(&values(output.into_tensor()), &[4.0, 0.0]);
    }

    #[test]
    fn a_bias_is_added_to_its_channel() {
        let device = Device::flex();
        let mut conv = Conv2d::init([2, 1, 1, 1], 1, true, &mut Seed(0).stream("a", &[]), &device);
        let shape = [1, 2, 1, 2];
        conv.bias = Some(Param::from_tensor(Tensor::from_floats([10.0, 20.0], &device)));
        let output = conv.with_bias(maps([1.0, 2.0, 3.0, 4.0], shape));
        assert_eq!(values(output.into_tensor()), [11.0, 12.0, 23.0, 24.0]);
        conv.bias = None;
        let output = conv.with_bias(maps([1.0, 2.0, 3.0, 4.0], shape));
        assert_eq!(values(output.into_tensor()), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_linear_layer_multiplies_by_the_transposed_weights() {
        let device = Device::flex();
        let layer = Linear {
            weight: Param::from_tensor(Tensor::from_floats([[1.0, 2.0], [3.0, 4.0]], &device)),
            bias: Param::from_tensor(Tensor::from_floats([10.0, 20.0], &device)),
        };
        let x = Tensor::from_floats([[1.0, 0.0], [1.0, 1.0]], &device);
        assert_eq!(values(layer.forward(x)), [11.0, 23.0, 13.0, 27.0]);
    }

    #[test]
    fn first_weights_have_their_deviation_and_bound() {
        let device = Device::flex();
        let mut random = Seed(0).stream("first", &[]);
        let conv = Conv2d::init([64, 16, 3, 3], 1, false, &mut random, &device);
        let weights = values(conv.weight.val());
        let square = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
        let wanted = 2.0 / (9.0 * 64.0);
        // The deviation of a mean of 9,216 squares is 1.5 % of the variance.
        assert!((square / wanted - 1.0).abs() < 0.08, "{square} is not {wanted}");
        let linear = Linear::init(16, 10, &mut random, &device);
        let weights = values(linear.weight.val());
        assert!(weights.iter().all(|w| w.abs() <= 0.25));
        assert!(weights.iter().any(|w| w.abs() > 0.2));
    }
}
