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
