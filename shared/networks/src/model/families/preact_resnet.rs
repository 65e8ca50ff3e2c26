//! PreAct-ResNet18 ([He et al. 2016](https://arxiv.org/abs/1603.05027)) in the form of
//! [BackdoorBench](https://github.com/SCLBD/BackdoorBench).

use super::residual::block;
use super::{Family, base_width};
use crate::model::description::{Description, Operation, Value};

/// Four groups of two pre-activation blocks with 64, 128, 256 and 512 channels.
///
/// After the last block there is neither normalisation nor ReLU: the linear layer reads the means of
/// raw residual sums. A shortcut is a 1x1 convolution of the activated input. The features are the
/// residual sums of the four groups. `preact-resnet18-W` has W channels in its first group.
pub struct PreActResNet;

impl Family for PreActResNet {
    fn examples(&self) -> &'static [&'static str] {
        &["preact-resnet18"]
    }

    fn form(&self) -> &'static str {
        "preact-resnet18 or preact-resnet18-W"
    }

    fn backdoorbench_name(&self) -> Option<&'static str> {
        Some("preactresnet18")
    }

    fn describe(&self, name: &str, channels: usize, classes: usize) -> Option<Description> {
        let width = base_width(name, "preact-resnet18")?;
        let mut network = Description::new(channels);
        let mut x = network.conv("conv1", Value::Images, width, 3, 1);
        for group in 1..=4 {
            let outputs = width << (group - 1);
            for index in 0..2 {
                let stride = if index == 0 && group > 1 { 2 } else { 1 };
                let name = format!("layer{group}.{index}");
                x = block(&mut network, &name, "shortcut.0", x, (outputs, stride));
            }
            network.tap(x);
        }
        let x = network.add("pool", x, Operation::AveragePool { size: 1 });
        network.add("linear", x, Operation::Linear { outputs: classes });
        Some(network)
    }
}
