//! PreAct-ResNet18 ([He et al. 2016](https://arxiv.org/abs/1603.05027)) in the form of
//! [BackdoorBench](https://github.com/SCLBD/BackdoorBench).

use super::{Family, base_width};
use crate::model::description::{Description, Operation, Value};

/// Four groups of two pre-activation blocks with 64, 128, 256 and 512 channels, for RGB images.
///
/// After the last block there is neither normalisation nor ReLU: the linear layer reads the means of
/// raw residual sums. A shortcut is a 1x1 convolution of the activated input. The features are the
/// residual sums of the four groups. `preact-resnet18-W` has W channels in its first group.
pub struct PreActResNet;

/// Adds a block and returns its residual sum.
fn block(network: &mut Description, name: &str, x: Value, outputs: usize, stride: usize) -> Value {
    let activated = network.add(format!("{name}.bn1"), x, Operation::NormRelu);
    let inner = network.conv(format!("{name}.conv1"), activated, outputs, 3, stride);
    let inner = network.add(format!("{name}.bn2"), inner, Operation::NormRelu);
    let inner = network.conv(format!("{name}.conv2"), inner, outputs, 3, 1);
    let other = if stride == 1 && network.channels_of(x) == outputs {
        x
    } else {
        network.conv(format!("{name}.shortcut.0"), activated, outputs, 1, stride)
    };
    network.add(format!("{name}.out"), inner, Operation::Add { other })
}

impl Family for PreActResNet {
    fn examples(&self) -> &'static [&'static str] {
        &["preact-resnet18"]
    }

    fn form(&self) -> &'static str {
        "preact-resnet18 or preact-resnet18-W"
    }

    fn describe(&self, name: &str, classes: usize) -> Option<Description> {
        let width = base_width(name, "preact-resnet18")?;
        let mut network = Description::new(3);
        let mut x = network.conv("conv1", Value::Images, width, 3, 1);
        for group in 1..=4 {
            let outputs = width << (group - 1);
            for index in 0..2 {
                let stride = if index == 0 && group > 1 { 2 } else { 1 };
                x = block(&mut network, &format!("layer{group}.{index}"), x, outputs, stride);
            }
            network.tap(x);
        }
        let x = network.add("pool", x, Operation::AveragePool { size: 1 });
        network.add("linear", x, Operation::Linear { outputs: classes });
        Some(network)
    }
}
