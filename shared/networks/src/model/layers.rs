//! Layers with PyTorch's parameter shapes and names, so weights need no translation.

use super::EPS;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use burn_fused_conv::{self as kernels, Normalised};
use unstamp_data::seed::Stream;

/// Weight of the new batch in the running statistics (PyTorch's default).
pub const MOMENTUM: f32 = 0.1;

/// Convolution without bias, `weight [cout, cin, k, k]`, padding `(k - 1) / 2`.
#[derive(Module, Debug)]
pub struct Conv2d {
    pub weight: Param<Tensor<4>>,
    stride: usize,
}

impl Conv2d {
    /// He initialisation as in the authors' code: `N(0, 2 / (k^2 cout))`.
    pub fn init(
        cin: usize,
        cout: usize,
        kernel: usize,
        stride: usize,
        random: &mut Stream,
        device: &Device,
    ) -> Self {
        let std = (2.0 / (kernel * kernel * cout) as f32).sqrt();
        let values: Vec<f32> =
            (0..cout * cin * kernel * kernel).map(|_| std * random.normal()).collect();
        let data = TensorData::new(values, [cout, cin, kernel, kernel]);
        Self { weight: Param::from_data(data, device), stride }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::conv2d(x, self.weight.val(), self.stride)
    }

    /// `forward(x) + skip`, of a layer with stride 1.
    pub fn forward_add(&self, x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        kernels::conv2d_add(x, self.weight.val(), skip)
    }
}

/// Batch normalisation followed by ReLU.
#[derive(Module, Debug)]
pub struct BatchNorm {
    pub weight: Param<Tensor<1>>,
    pub bias: Param<Tensor<1>>,
    pub running_mean: Param<Tensor<1>>,
    pub running_var: Param<Tensor<1>>,
}

impl BatchNorm {
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

    /// With the running statistics.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let scale = self.weight.val() / (self.running_var.val() + EPS).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        kernels::affine_relu(x, scale.detach(), shift.detach())
    }

    /// [`Self::forward`], then a convolution, plus `skip` where there is one.
    pub fn conv(&self, x: Tensor<4>, conv: &Conv2d, skip: Option<Tensor<4>>) -> Tensor<4> {
        let x = self.forward(x);
        match skip {
            Some(skip) => conv.forward_add(x, skip),
            None => conv.forward(x),
        }
    }

    /// With the batch's statistics, which also move the running ones.
    pub fn forward_train(&mut self, x: Tensor<4>) -> Tensor<4> {
        let count = values_of_a_channel(&x);
        let out = kernels::batch_norm_relu(x, self.weight.val(), self.bias.val(), EPS);
        self.moved(out, count)
    }

    /// [`Self::forward_train`], then a convolution, plus `skip` where there is one (stride 1 then).
    pub fn conv_train(
        &mut self,
        x: Tensor<4>,
        conv: &Conv2d,
        skip: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (count, affine) = (values_of_a_channel(&x), [self.weight.val(), self.bias.val()]);
        let weight = conv.weight.val();
        let out = kernels::batch_norm_conv2d(x, affine, EPS, weight, conv.stride, skip);
        self.moved(out, count)
    }

    /// Moves the running statistics (variance unbiased there), and gives the output on.
    fn moved(&mut self, out: Normalised, count: f32) -> Tensor<4> {
        let unbiased = out.var * (count / (count - 1.0).max(1.0));
        let moved = |old: &Param<Tensor<1>>, new: Tensor<1>| {
            let value = old.val().detach() * (1.0 - MOMENTUM) + new * MOMENTUM;
            Param::initialized(old.id, value).set_require_grad(false)
        };
        self.running_mean = moved(&self.running_mean, out.mean);
        self.running_var = moved(&self.running_var, unbiased);
        out.output
    }
}

fn values_of_a_channel(x: &Tensor<4>) -> f32 {
    let [n, _, h, w] = x.dims();
    (n * h * w) as f32
}

/// Fully connected layer, `weight [out, in]`.
#[derive(Module, Debug)]
pub struct Linear {
    pub weight: Param<Tensor<2>>,
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

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val().transpose()) + self.bias.val().unsqueeze()
    }
}
