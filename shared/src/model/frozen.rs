//! A network that only predicts, with its batch normalisation folded away.
//!
//! With fixed statistics, `bn(y) = scale y + shift` with `scale = gamma / sqrt(var + eps)` and
//! `shift = beta - mean scale`. A block's second normalisation follows its first convolution, so
//! `bn(w * x) = (scale w) * x + shift`: the weights take the scale and the shift becomes a bias.
//! The first normalisation of a block follows a residual sum, which the features and the skip
//! need as it is; it is applied while the convolution reads its input. Outputs equal the
//! unfolded network's up to rounding.

use super::Output;
use super::layers::{BatchNorm, Conv2d, Linear};
use super::wrn::{Block, Wrn};
use crate::kernels;
use burn::tensor::Tensor;

/// `relu(scale x + shift)`, one pair a channel.
#[derive(Clone, Debug)]
struct Affine {
    scale: Tensor<1>,
    shift: Tensor<1>,
}

impl Affine {
    fn of(norm: &BatchNorm) -> Self {
        let (scale, shift) = norm.scale_shift();
        Self { scale, shift }
    }
}

#[derive(Clone, Debug)]
struct FrozenBlock {
    before: Affine,
    /// First convolution, folded with the normalisation after it.
    weight1: Tensor<4>,
    bias1: Tensor<1>,
    conv2: Conv2d,
    stride: usize,
    /// Weights of the shortcut and its zero bias.
    shortcut: Option<(Tensor<4>, Tensor<1>)>,
}

impl FrozenBlock {
    fn of(block: &Block) -> Self {
        let after = Affine::of(&block.bn2);
        let weight = block.conv1.weight.val();
        let scale = after.scale.reshape([-1, 1, 1, 1]);
        let shortcut = block.shortcut.as_ref().map(|conv| conv.weight.val());
        Self {
            before: Affine::of(&block.bn1),
            weight1: weight * scale,
            shortcut: shortcut.map(|weight| (weight, after.shift.zeros_like())),
            bias1: after.shift,
            conv2: block.conv2.clone(),
            stride: block.conv1.stride(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let enter = |weight: &Tensor<4>, bias: &Tensor<1>, relu: bool| {
            let Affine { scale, shift } = self.before.clone();
            let (weight, bias) = (weight.clone(), bias.clone());
            kernels::norm_conv2d(x.clone(), [scale, shift], weight, bias, self.stride, relu)
        };
        let inner = enter(&self.weight1, &self.bias1, true);
        let skip = self.shortcut.as_ref().map(|(weight, zero)| enter(weight, zero, false));
        kernels::conv2d_add(inner, self.conv2.weight.val(), skip.unwrap_or(x))
    }
}

/// The frozen form of [`Wrn`].
#[derive(Clone, Debug)]
pub struct Frozen {
    conv1: Conv2d,
    groups: Vec<Vec<FrozenBlock>>,
    last: Affine,
    fc: Linear,
    normalisation: Option<[[f32; 3]; 2]>,
}

impl Wrn {
    /// The network as it is now, for prediction only.
    pub fn frozen(&self) -> Frozen {
        let groups = self.groups().map(|group| group.iter().map(FrozenBlock::of).collect());
        Frozen {
            conv1: self.conv1.clone(),
            groups: groups.into(),
            last: Affine::of(&self.bn1),
            fc: self.fc.clone(),
            normalisation: self.normalisation,
        }
    }
}

impl Frozen {
    /// As [`Wrn::forward`]: images `[n, 3, h, w]` in 0..1 -> logits and the three group features.
    pub fn forward(&self, images: Tensor<4>) -> Output {
        let mut x = self.conv1.forward(super::wrn::normalised(self.normalisation, images));
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
        Output { logits: self.fc.forward(pooled), features }
    }
}
