//! A network as data: a list of named layers, and the taps where its features are read.
//!
//! Everything else follows from the list: the network that trains ([`super::Network`]), the one that
//! only predicts ([`super::Frozen`]), the names and shapes of the weights, the ONNX file, and the
//! channels that fine-pruning may remove. A family of networks is a function that returns such a list
//! (`families/`).

/// A tensor inside a network: the input images, or the output of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The images, with mean and standard deviation removed where the network asks for it.
    Images,
    /// The output of the layer with this index.
    Layer(usize),
}

/// The computation of a layer. Feature maps are `[n, channels, height, width]`.
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
    /// The computation of the layer.
    pub operation: Operation,
}

/// The part of a training that changes an array of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The optimiser changes it.
    Trained,
    /// A running statistic of batch normalisation: a forward pass in training mode changes it.
    Statistic,
}

/// Name and shape of an array of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: the layer's, then `.weight`, `.bias`, `.running_mean` or `.running_var`.
    pub name: String,
    /// Its shape, as in PyTorch.
    pub shape: Vec<usize>,
    /// The part of a training that changes it.
    pub role: Role,
}

/// A network: its layers in an order in which they can be computed, and its taps.
///
/// # Examples
///
/// ```
/// use unstamp_networks::model::{Description, Operation, Value};
///
/// let mut network = Description::new(3);
/// let x = network.conv("conv", Value::Images, 8, 3, 2);
/// let x = network.add("bn", x, Operation::NormRelu);
/// network.tap(x);
/// let x = network.add("pool", x, Operation::AveragePool { size: 1 });
/// network.add("fc", x, Operation::Linear { outputs: 10 });
///
/// let first = &network.parameters()[0];
/// assert_eq!((first.name.as_str(), &first.shape[..]), ("conv.weight", &[8, 3, 3, 3][..]));
/// let [tap] = network.taps[..] else { panic!("there is one tap") };
/// assert_eq!(network.size_of(Value::Layer(tap), (32, 48)), (16, 24));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Channels of the images.
    pub channels: usize,
    /// The layers in an order in which they can be computed. The last one is linear and gives the logits.
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

    /// The same layers, with the outputs of all blocks as features: in a residual network the residual
    /// sums, in any other the outputs of [`Operation::NormRelu`]. They replace the earlier taps.
    pub fn with_blocks_as_features(mut self) -> Self {
        let sum = |layer: &Layer| matches!(layer.operation, Operation::Add { .. });
        let is_residual = self.layers.iter().any(sum);
        let is_block = |layer: &Layer| {
            if is_residual { sum(layer) } else { layer.operation == Operation::NormRelu }
        };
        let indices = 0..self.layers.len();
        self.taps = indices.filter(|index| is_block(&self.layers[*index])).collect();
        self
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
mod tests;
