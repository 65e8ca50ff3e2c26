//! A network as data: a list of named layers, and the taps where its features are read.
//!
//! Everything else follows from the list: the network that trains ([`super::Network`]), the one that
//! only predicts ([`super::Frozen`]), the names and shapes of the weights, the ONNX file, and the
//! channels that fine-pruning may remove. A family of networks is a function that returns such a list
//! (`families/`).

/// A tensor inside a network: the input images, or the output of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The images, with mean and deviation removed where the network asks for it.
    Images,
    /// The output of the layer with this index.
    Layer(usize),
}

/// What a layer computes. Feature maps are `[n, channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 2-D convolution, padding `(kernel - 1) / 2`. A bias is allowed only where a
    /// [`Operation::NormRelu`] reads the output.
    Conv {
        /// Channels of the output.
        outputs: usize,
        /// Side of the kernel: 1 or 3.
        kernel: usize,
        /// Pixels between outputs: 1 or 2.
        stride: usize,
        /// Whether a number is added to each output channel.
        bias: bool,
    },
    /// Batch normalisation, then ReLU.
    NormRelu,
    /// `max(x, 0)`.
    Relu,
    /// The sum of the input and another value of the same shape.
    Add {
        /// The second summand.
        other: Value,
    },
    /// Maximum over 2x2 pixels, stride 2; an odd last row or column is dropped.
    MaxPool,
    /// Mean over space, to `size` x `size` cells (PyTorch's adaptive average pooling).
    AveragePool {
        /// Cells along each side.
        size: usize,
    },
    /// Fully connected layer on the flattened input; the output is `[n, outputs, 1, 1]`.
    Linear {
        /// Number of outputs.
        outputs: usize,
    },
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// PyTorch's name of the module, such as `block1.layer.0.conv1`. A layer without weights has a
    /// name too; ONNX files show it.
    pub name: String,
    /// The value that the layer reads.
    pub input: Value,
    /// What it computes.
    pub operation: Operation,
}

/// What an array of weights is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Changed by the optimiser.
    Trained,
    /// A running statistic of batch normalisation.
    Statistic,
}

/// Name and shape of an array of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: the layer's, then `.weight`, `.bias`, `.running_mean` or `.running_var`.
    pub name: String,
    /// Its shape, as in PyTorch.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// A network: its layers in an order in which they can be computed, and its taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Channels of the images.
    pub channels: usize,
    /// The last layer is the linear one that gives the logits.
    pub layers: Vec<Layer>,
    /// Layers whose outputs are the network's features, from the input to the output.
    pub taps: Vec<usize>,
}

impl Description {
    /// A network without layers for images of `channels` channels.
    pub fn new(channels: usize) -> Self {
        Self { channels, layers: Vec::new(), taps: Vec::new() }
    }

    /// Adds a layer and returns its output.
    pub fn add(&mut self, name: impl Into<String>, input: Value, operation: Operation) -> Value {
        self.layers.push(Layer { name: name.into(), input, operation });
        Value::Layer(self.layers.len() - 1)
    }

    /// Adds a convolution without bias and returns its output.
    pub fn conv(
        &mut self,
        name: impl Into<String>,
        input: Value,
        outputs: usize,
        kernel: usize,
        stride: usize,
    ) -> Value {
        self.add(name, input, Operation::Conv { outputs, kernel, stride, bias: false })
    }

    /// Makes a layer's output a feature of the network.
    pub fn tap(&mut self, value: Value) {
        if let Value::Layer(index) = value {
            self.taps.push(index);
        }
    }

    /// Channels of a value (outputs of a linear layer).
    pub fn channels_of(&self, value: Value) -> usize {
        let Value::Layer(index) = value else { return self.channels };
        match self.layers[index].operation {
            Operation::Conv { outputs, .. } | Operation::Linear { outputs } => outputs,
            _ => self.channels_of(self.layers[index].input),
        }
    }

    /// Inputs of the linear layer that reads `value`: channels times cells.
    fn linear_inputs(&self, value: Value) -> usize {
        let channels = self.channels_of(value);
        match value {
            Value::Images => channels,
            Value::Layer(index) => match self.layers[index].operation {
                Operation::AveragePool { size } => channels * size * size,
                Operation::Relu => self.linear_inputs(self.layers[index].input),
                _ => channels,
            },
        }
    }

    /// Height and width of a layer's output for images of this height and width.
    pub fn size_of(&self, value: Value, images: (usize, usize)) -> (usize, usize) {
        let Value::Layer(index) = value else { return images };
        let (height, width) = self.size_of(self.layers[index].input, images);
        match self.layers[index].operation {
            Operation::Conv { stride, .. } => (height.div_ceil(stride), width.div_ceil(stride)),
            Operation::MaxPool => (height / 2, width / 2),
            Operation::AveragePool { size } => (size, size),
            Operation::Linear { .. } => (1, 1),
            Operation::NormRelu | Operation::Relu | Operation::Add { .. } => (height, width),
        }
    }

    /// Layers that read a layer's output, in order; a layer that adds it to itself counts twice.
    pub fn readers(&self, index: usize) -> Vec<usize> {
        let mut readers = Vec::new();
        for (reader, layer) in self.layers.iter().enumerate() {
            let other = match layer.operation {
                Operation::Add { other } => Some(other),
                _ => None,
            };
            let inputs = [Some(layer.input), other];
            let count = inputs.iter().filter(|input| **input == Some(Value::Layer(index))).count();
            readers.extend(std::iter::repeat_n(reader, count));
        }
        readers
    }

    /// The only layer that reads a layer's output; `None` where there are several, none, or a tap.
    pub fn only_reader(&self, index: usize) -> Option<usize> {
        match self.readers(index)[..] {
            [reader] if !self.taps.contains(&index) => Some(reader),
            _ => None,
        }
    }

    /// Arrays of weights of a layer, in PyTorch's order.
    pub fn parameters_of(&self, index: usize) -> Vec<Parameter> {
        let layer = &self.layers[index];
        let parameter = |part: &str, shape: Vec<usize>, role| Parameter {
            name: format!("{}.{part}", layer.name),
            shape,
            role,
        };
        let inputs = self.channels_of(layer.input);
        match layer.operation {
            Operation::Conv { outputs, kernel, bias, .. } => {
                let weight = vec![outputs, inputs, kernel, kernel];
                let mut all = vec![parameter("weight", weight, Role::Trained)];
                if bias {
                    all.push(parameter("bias", vec![outputs], Role::Trained));
                }
                all
            }
            Operation::NormRelu => vec![
                parameter("weight", vec![inputs], Role::Trained),
                parameter("bias", vec![inputs], Role::Trained),
                parameter("running_mean", vec![inputs], Role::Statistic),
                parameter("running_var", vec![inputs], Role::Statistic),
            ],
            Operation::Linear { outputs } => vec![
                parameter("weight", vec![outputs, self.linear_inputs(layer.input)], Role::Trained),
                parameter("bias", vec![outputs], Role::Trained),
            ],
            _ => Vec::new(),
        }
    }

    /// Every array of weights, in the order of the layers.
    pub fn parameters(&self) -> Vec<Parameter> {
        (0..self.layers.len()).flat_map(|index| self.parameters_of(index)).collect()
    }

    /// The last convolution of the main path, whose output channels fine-pruning ranks. A 1x1
    /// convolution is a shortcut.
    pub fn last_convolution(&self) -> Option<&Layer> {
        let is_main =
            |layer: &&Layer| matches!(layer.operation, Operation::Conv { kernel: 2.., .. });
        self.layers.iter().rev().find(is_main)
    }

    /// The last batch normalisation.
    pub fn last_norm(&self) -> Option<&Layer> {
        self.layers.iter().rev().find(|l| l.operation == Operation::NormRelu)
    }
}

#[cfg(test)]
mod tests {
    use super::{Description, Operation, Value};
    use crate::model::{Arch, FAMILIES};

    #[test]
    fn the_last_convolution_is_no_shortcut() {
        let names = [
            ("wrn-10-1", "block3.layer.0.conv2"),
            ("wrn-16-1", "block3.layer.1.conv2"),
            ("preact-resnet18", "layer4.1.conv2"),
            ("vgg19-bn", "features.49"),
        ];
        for (arch, wanted) in names {
            let arch = Arch { name: arch.to_string(), classes: 10, normalisation: None };
            let network = arch.describe().expect("a known name");
            let last = network.last_convolution().expect("a convolution");
            assert_eq!(last.name, wanted, "{}", arch.name);
        }
    }

    /// The first example of each family.
    fn examples() -> impl Iterator<Item = (&'static str, Description)> {
        FAMILIES.iter().map(|family| {
            let name = family.examples()[0];
            (name, family.describe(name, 10).expect("its own example"))
        })
    }

    /// Two convolutions, their sum with itself, and a tap.
    fn doubled() -> Description {
        let mut network = Description::new(3);
        let first = network.conv("first", Value::Images, 8, 3, 2);
        let second = network.conv("second", first, 4, 1, 1);
        let sum = network.add("sum", second, Operation::Add { other: second });
        network.tap(sum);
        network.add("relu", sum, Operation::Relu);
        network
    }

    #[test]
    fn readers_and_channels_follow_from_the_layers() {
        let network = doubled();
        assert_eq!(network.readers(0), [1]);
        assert_eq!(network.only_reader(0), Some(1));
        // A sum with itself reads twice, a tap is read from outside, and nothing reads the last layer.
        assert_eq!(network.readers(1), [2, 2]);
        assert_eq!(network.only_reader(1), None);
        assert_eq!(network.readers(2), [3]);
        assert_eq!(network.only_reader(2), None);
        assert_eq!(network.only_reader(3), None);
        assert_eq!(network.channels_of(Value::Images), 3);
        assert_eq!(network.channels_of(Value::Layer(0)), 8);
        assert_eq!(network.channels_of(Value::Layer(3)), 4);
        assert_eq!(network.size_of(Value::Layer(3), (9, 6)), (5, 3));
    }

    #[test]
    fn the_layers_of_every_family_stand_in_order() {
        for (name, network) in examples() {
            for (index, layer) in network.layers.iter().enumerate() {
                let other = match layer.operation {
                    Operation::Add { other } => other,
                    _ => Value::Images,
                };
                for value in [layer.input, other] {
                    let before = !matches!(value, Value::Layer(read) if read >= index);
                    assert!(before, "{name}: {} reads a later layer", layer.name);
                }
            }
        }
    }

    #[test]
    fn a_normalisation_reads_every_convolution_with_a_bias() {
        for (name, network) in examples() {
            for (index, layer) in network.layers.iter().enumerate() {
                if !matches!(layer.operation, Operation::Conv { bias: true, .. }) {
                    continue;
                }
                let reader = network.only_reader(index).map(|i| network.layers[i].operation);
                assert_eq!(reader, Some(Operation::NormRelu), "{name}: {}", layer.name);
            }
        }
    }
}
