//! WideResNet-d-k (Zagoruyko & Komodakis 2016) as NAD uses it: pre-activation basic blocks in
//! three groups of 16k, 32k and 64k channels, `(d - 4) / 6` blocks each.
//!
//! A group's feature is its residual sum, before the next batch normalisation, as in the public
//! code; values may be negative. Input is RGB in 0..1, without mean and deviation.

use super::layers::{BatchNorm, Conv2d, Linear};
use super::{Output, WrnConfig};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_fused_conv::floats;
use unstamp_data::seed::Seed;

/// Pre-activation basic block. Where the shape changes, the shortcut sees the activated input.
#[derive(Module, Debug)]
struct Block {
    bn1: BatchNorm,
    conv1: Conv2d,
    bn2: BatchNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
}

/// A group of blocks; the field is called `layer` in the checkpoints of the public code.
#[derive(Module, Debug)]
struct Group {
    layer: Vec<Block>,
}

/// The network.
#[derive(Module, Debug)]
pub struct Wrn {
    conv1: Conv2d,
    block1: Group,
    block2: Group,
    block3: Group,
    bn1: BatchNorm,
    fc: Linear,
    #[module(skip)]
    normalisation: Option<[[f32; 3]; 2]>,
}

impl WrnConfig {
    /// Weights drawn from `seed`.
    pub fn init(&self, seed: Seed, device: &Device) -> Wrn {
        let random = &mut seed.stream("init", &[]);
        let conv1 = Conv2d::init(3, 16, 3, 1, random, device);
        let mut group = |g: usize| {
            let layer = (0..self.blocks()).map(|b| {
                let (cin, cout, stride) = self.block(g, b);
                Block {
                    bn1: BatchNorm::init(cin, device),
                    conv1: Conv2d::init(cin, cout, 3, stride, random, device),
                    bn2: BatchNorm::init(cout, device),
                    conv2: Conv2d::init(cout, cout, 3, 1, random, device),
                    shortcut: (cin != cout)
                        .then(|| Conv2d::init(cin, cout, 1, stride, random, device)),
                }
            });
            Group { layer: layer.collect() }
        };
        let (block1, block2, block3) = (group(1), group(2), group(3));
        let last = self.widths()[3];
        let fc = Linear::init(last, self.classes, random, device);
        let (bn1, normalisation) = (BatchNorm::init(last, device), self.normalisation);
        Wrn { conv1, block1, block2, block3, bn1, fc, normalisation }
    }
}

/// Images with mean and deviation taken out, where the network wants it.
fn normalised(constants: Option<[[f32; 3]; 2]>, images: Tensor<4>) -> Tensor<4> {
    let Some(constants) = constants else { return images };
    let [mean, std] = constants.map(|c| floats(c.to_vec(), [1, 3, 1, 1], &images.device()));
    (images - mean) / std
}

/// Forward through one kind of batch normalisation; the names say which.
macro_rules! forward {
    ($name:ident, $bn:ident, $conv:ident $(, $mut:tt)?) => {
        impl Block {
            fn $name(&$($mut)? self, x: Tensor<4>) -> Tensor<4> {
                let (inner, skip) = match &self.shortcut {
                    Some(shortcut) => {
                        let activated = self.bn1.$bn(x);
                        (self.conv1.forward(activated.clone()), shortcut.forward(activated))
                    }
                    None => (self.bn1.$conv(x.clone(), &self.conv1, None), x),
                };
                self.bn2.$conv(inner, &self.conv2, Some(skip))
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
                Output { logits: self.fc.forward(pooled.clone()), features, pooled }
            }
        }
    };
}

forward!(forward, forward, conv);
forward!(forward_train, forward_train, conv_train, mut);
