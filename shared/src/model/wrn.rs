//! WideResNet-d-k (Zagoruyko & Komodakis 2016) as NAD uses it: pre-activation basic blocks in
//! three groups of 16k, 32k and 64k channels, `(d - 4) / 6` blocks each.
//!
//! A group's feature is its residual sum, before the next batch normalisation, as in the public
//! code; values may be negative. Input is RGB in 0..1, without mean and deviation.

use super::Output;
use super::layers::{BatchNorm, Conv2d, Linear};
use crate::seed::Seed;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// Depth, width, classes, and what the input is normalised by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrnConfig {
    pub depth: usize,
    pub width: usize,
    pub classes: usize,
    pub normalisation: Option<[[f32; 3]; 2]>,
}

/// Pre-activation basic block. Where the shape changes, the shortcut sees the activated input.
#[derive(Module, Debug)]
pub(super) struct Block {
    pub(super) bn1: BatchNorm,
    pub(super) conv1: Conv2d,
    pub(super) bn2: BatchNorm,
    pub(super) conv2: Conv2d,
    pub(super) shortcut: Option<Conv2d>,
}

/// A group of blocks; the field is called `layer` in the checkpoints of the public code.
#[derive(Module, Debug)]
struct Group {
    layer: Vec<Block>,
}

/// The network.
#[derive(Module, Debug)]
pub struct Wrn {
    pub(super) conv1: Conv2d,
    block1: Group,
    block2: Group,
    block3: Group,
    pub(super) bn1: BatchNorm,
    pub(super) fc: Linear,
    #[module(skip)]
    pub(super) normalisation: Option<[[f32; 3]; 2]>,
}

impl Wrn {
    /// The blocks of the three groups.
    pub(super) fn groups(&self) -> [&[Block]; 3] {
        [&self.block1.layer, &self.block2.layer, &self.block3.layer]
    }
}

/// Images with mean and deviation taken out, where the network wants it.
pub(super) fn normalised(constants: Option<[[f32; 3]; 2]>, images: Tensor<4>) -> Tensor<4> {
    let Some(constants) = constants else { return images };
    let [mean, std] =
        constants.map(|c| Tensor::<1>::from_data(c, &images.device()).reshape([1, 3, 1, 1]));
    (images - mean) / std
}

impl WrnConfig {
    /// Weights drawn from `seed`.
    pub fn init(&self, seed: Seed, device: &Device) -> Wrn {
        let random = &mut seed.stream("init", &[]);
        let widths = [16, 16 * self.width, 32 * self.width, 64 * self.width];
        let conv1 = Conv2d::init(3, 16, 3, 1, random, device);
        let mut group = |g: usize| {
            let blocks = (self.depth - 4) / 6;
            let layer = (0..blocks).map(|b| {
                let cin = if b == 0 { widths[g - 1] } else { widths[g] };
                let stride = if b == 0 && g > 1 { 2 } else { 1 };
                Block {
                    bn1: BatchNorm::init(cin, device),
                    conv1: Conv2d::init(cin, widths[g], 3, stride, random, device),
                    bn2: BatchNorm::init(widths[g], device),
                    conv2: Conv2d::init(widths[g], widths[g], 3, 1, random, device),
                    shortcut: (cin != widths[g])
                        .then(|| Conv2d::init(cin, widths[g], 1, stride, random, device)),
                }
            });
            Group { layer: layer.collect() }
        };
        let (block1, block2, block3) = (group(1), group(2), group(3));
        let fc = Linear::init(widths[3], self.classes, random, device);
        let (bn1, normalisation) = (BatchNorm::init(widths[3], device), self.normalisation);
        Wrn { conv1, block1, block2, block3, bn1, fc, normalisation }
    }
}

/// Forward through one kind of batch normalisation; `$mut` and `$forward` say which.
macro_rules! forward {
    ($name:ident, $bn:ident $(, $mut:tt)?) => {
        impl Block {
            fn $name(&$($mut)? self, x: Tensor<4>) -> Tensor<4> {
                let activated = self.bn1.$bn(x.clone());
                let skip = match &self.shortcut {
                    Some(shortcut) => shortcut.forward(activated.clone()),
                    None => x,
                };
                let inner = self.conv1.forward(activated);
                skip + self.conv2.forward(self.bn2.$bn(inner))
            }
        }

        impl Wrn {
            /// Images `[n, 3, h, w]` in 0..1 -> logits `[n, classes]` and the three group features.
            pub fn $name(&$($mut)? self, images: Tensor<4>) -> Output {
                let mut x = self.conv1.forward(normalised(self.normalisation, images));
                let mut features = Vec::with_capacity(3);
                for group in [&$($mut)? self.block1, &$($mut)? self.block2, &$($mut)? self.block3] {
                    for block in &$($mut)? group.layer {
                        x = block.$name(x);
                    }
                    features.push(x.clone());
                }
                let x = self.bn1.$bn(x);
                let [n, c, h, w] = x.dims();
                let pooled = x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]);
                Output { logits: self.fc.forward(pooled), features }
            }
        }
    };
}

forward!(forward, forward);
forward!(forward_train, forward_train, mut);
