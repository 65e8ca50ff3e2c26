//! The pre-activation block ([He et al. 2016](https://arxiv.org/abs/1603.05027)) of WideResNet and
//! PreAct-ResNet.

use crate::model::description::{Description, Operation, Value};

/// Adds a block with these output channels and this stride, and returns its residual sum.
///
/// Where the block changes the number of channels or the size, its skip connection is a 1x1 convolution
/// of the activated input, with the name `shortcut`. Else it is the input itself.
pub fn block(
    network: &mut Description,
    name: &str,
    shortcut: &str,
    x: Value,
    (outputs, stride): (usize, usize),
) -> Value {
    let activated = network.add(format!("{name}.bn1"), x, Operation::NormRelu);
    let inner = network.conv(format!("{name}.conv1"), activated, outputs, 3, stride);
    let inner = network.add(format!("{name}.bn2"), inner, Operation::NormRelu);
    let inner = network.conv(format!("{name}.conv2"), inner, outputs, 3, 1);
    let other = if stride == 1 && network.channels_of(x) == outputs {
        x
    } else {
        network.conv(format!("{name}.{shortcut}"), activated, outputs, 1, stride)
    };
    network.add(format!("{name}.out"), inner, Operation::Add { other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_is_a_convolution_where_channels_or_size_change() {
        for (outputs, stride, is_conv) in [(8, 1, false), (16, 1, true), (8, 2, true)] {
            let mut network = Description::new(3);
            let x = network.conv("conv", Value::Images, 8, 3, 1);
            let sum = block(&mut network, "b", "shortcut", x, (outputs, stride));
            assert_eq!(network.channels_of(sum), outputs);
            assert_eq!(network.size_of(sum, (8, 8)), (8 / stride, 8 / stride));
            let last = network.layers.last().expect("the sum").operation;
            let shortcut = network.layers.iter().position(|layer| layer.name == "b.shortcut");
            assert_eq!(shortcut.is_some(), is_conv, "{outputs} channels, stride {stride}");
            let other = shortcut.map_or(x, Value::Layer);
            assert_eq!(last, Operation::Add { other });
        }
    }
}
