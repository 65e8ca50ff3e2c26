//! VGG19 with batch normalisation ([Simonyan & Zisserman 2015](https://arxiv.org/abs/1409.1556)) in
//! the form of torchvision, which [BackdoorBench](https://github.com/SCLBD/BackdoorBench) uses.

use super::{Family, base_width};
use crate::model::description::{Description, Operation, Value};

/// Sixteen 3x3 convolutions in five stages with a maximum pooling after each, then three linear
/// layers on 7x7 cells.
///
/// The features are the activations of the five stages before their pooling. A 32x32 image leaves one
/// cell, which the average pooling repeats 7x7 times, as in torchvision. torchvision's dropout in the
/// linear layers is left out, because a training step must be a function of the seed alone.
/// `vgg19-bn-W` has W channels in its first stage and 64 W in its linear layers.
pub struct Vgg;

/// Convolutions of the stages, and their channels as multiples of the base width.
const STAGES: [(usize, usize); 5] = [(2, 1), (2, 2), (4, 4), (4, 8), (4, 8)];

impl Family for Vgg {
    fn examples(&self) -> &'static [&'static str] {
        &["vgg19-bn"]
    }

    fn form(&self) -> &'static str {
        "vgg19-bn or vgg19-bn-W"
    }

    fn backdoorbench_name(&self) -> Option<&'static str> {
        Some("vgg19_bn")
    }

    fn describe(&self, name: &str, channels: usize, classes: usize) -> Option<Description> {
        let width = base_width(name, "vgg19-bn")?;
        let mut network = Description::new(channels);
        let mut x = Value::Images;
        // torchvision numbers all layers of `features`: convolution, normalisation, ReLU, pooling.
        let mut number = 0;
        for (convolutions, multiple) in STAGES {
            for _ in 0..convolutions {
                let outputs = width * multiple;
                let conv = Operation::Conv { outputs, kernel: 3, stride: 1, bias: true };
                x = network.add(format!("features.{number}"), x, conv);
                x = network.add(format!("features.{}", number + 1), x, Operation::NormRelu);
                number += 3;
            }
            network.tap(x);
            x = network.add(format!("features.{number}"), x, Operation::MaxPool);
            number += 1;
        }
        x = network.add("avgpool", x, Operation::AveragePool { size: 7 });
        for number in [0, 3] {
            let linear = Operation::Linear { outputs: 64 * width };
            x = network.add(format!("classifier.{number}"), x, linear);
            x = network.add(format!("classifier.{}", number + 1), x, Operation::Relu);
        }
        network.add("classifier.6", x, Operation::Linear { outputs: classes });
        Some(network)
    }
}
