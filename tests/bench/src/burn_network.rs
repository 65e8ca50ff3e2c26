//! The same network from Burn's own layers, as a user of Burn would write it: the implementation `flex`.

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use unstamp_shared::model::weights::{Arrays, WeightsError};

#[derive(Module, Debug)]
struct Block {
    bn1: BatchNorm,
    conv1: Conv2d,
    bn2: BatchNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
}

/// A WideResNet with PyTorch's names of weights.
#[derive(Module, Debug)]
pub struct BurnNetwork {
    conv1: Conv2d,
    blocks: Vec<Block>,
    bn1: BatchNorm,
    fc: Linear,
}

/// Reads layers out of named arrays.
struct Reader<'a> {
    arrays: &'a Arrays,
    device: &'a Device,
}

impl Reader<'_> {
    fn tensor<const D: usize>(&self, name: &str) -> Result<Tensor<D>, WeightsError> {
        let array = self.arrays.get(name).ok_or_else(|| WeightsError::Missing(name.to_string()))?;
        let data = TensorData::new(array.values.clone(), array.shape.clone());
        Ok(Tensor::from_data(data, self.device))
    }

    fn conv(&self, name: &str, stride: usize) -> Result<Conv2d, WeightsError> {
        let weight = self.tensor::<4>(&format!("{name}.weight"))?;
        let [cout, cin, kernel, _] = weight.dims();
        let pad = (kernel - 1) / 2;
        let mut conv = Conv2dConfig::new([cin, cout], [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false)
            .init(self.device);
        conv.weight = Param::from_tensor(weight);
        Ok(conv)
    }

    fn norm(&self, name: &str) -> Result<BatchNorm, WeightsError> {
        let gamma = self.tensor::<1>(&format!("{name}.weight"))?;
        let beta = self.tensor::<1>(&format!("{name}.bias"))?;
        let mean = self.tensor::<1>(&format!("{name}.running_mean"))?;
        let variance = self.tensor::<1>(&format!("{name}.running_var"))?;
        let mut norm = BatchNormConfig::new(gamma.dims()[0]).init(self.device);
        norm.gamma = Param::from_tensor(gamma);
        norm.beta = Param::from_tensor(beta);
        norm.running_mean = RunningState::new(mean.detach());
        norm.running_var = RunningState::new(variance.detach());
        Ok(norm)
    }
}

impl BurnNetwork {
    /// With these weights on `device`; batch statistics are used where it is an autodiff one.
    ///
    /// # Errors
    /// If a weight is missing.
    ///
    /// # Panics
    /// If a weight has another number of dimensions than its layer needs.
    pub fn new(arrays: &Arrays, device: &Device) -> Result<Self, WeightsError> {
        let reader = Reader { arrays, device };
        let mut blocks = Vec::new();
        for group in 1..=3 {
            let names = (0..).map(|i| format!("block{group}.layer.{i}"));
            let exists = |name: &String| arrays.contains_key(&format!("{name}.conv1.weight"));
            for (i, name) in names.take_while(exists).enumerate() {
                let stride = if i == 0 && group > 1 { 2 } else { 1 };
                let shortcut = format!("{name}.convShortcut");
                let has_shortcut = arrays.contains_key(&format!("{shortcut}.weight"));
                blocks.push(Block {
                    bn1: reader.norm(&format!("{name}.bn1"))?,
                    conv1: reader.conv(&format!("{name}.conv1"), stride)?,
                    bn2: reader.norm(&format!("{name}.bn2"))?,
                    conv2: reader.conv(&format!("{name}.conv2"), 1)?,
                    shortcut: has_shortcut.then(|| reader.conv(&shortcut, stride)).transpose()?,
                });
            }
        }
        let weight = reader.tensor::<2>("fc.weight")?.transpose();
        let [inputs, outputs] = weight.dims();
        let mut fc = LinearConfig::new(inputs, outputs).init(device);
        fc.weight = Param::from_tensor(weight);
        fc.bias = Some(Param::from_tensor(reader.tensor::<1>("fc.bias")?));
        Ok(Self { conv1: reader.conv("conv1", 1)?, blocks, bn1: reader.norm("bn1")?, fc })
    }

    /// `[n, 3, h, w]` -> `[n, classes]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = self.conv1.forward(images);
        for block in &self.blocks {
            let activated = relu(block.bn1.forward(x.clone()));
            let skip = match &block.shortcut {
                Some(conv) => conv.forward(activated.clone()),
                None => x,
            };
            let inner = relu(block.bn2.forward(block.conv1.forward(activated)));
            x = skip + block.conv2.forward(inner);
        }
        let x = relu(self.bn1.forward(x));
        let [n, c, h, w] = x.dims();
        self.fc.forward(x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]))
    }
}
