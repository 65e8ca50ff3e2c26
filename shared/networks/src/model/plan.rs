//! The plan of a network: which layers are computed together, and how long each value is kept.
//!
//! A [`Group`] is a convolution with what the kernels compute in the same operation, or a single layer.
//! Both forms of a network follow from the same rules:
//!
//! | layers | in the network that trains | in the frozen network |
//! |---|---|---|
//! | normalisation, convolution | if only this convolution reads the normalisation, which is not a tap | if only convolutions read it, it is not a tap, and it does not follow a convolution that only it reads |
//! | convolution, normalisation | never | if only the normalisation reads the convolution, whose input is normalised or not negative |
//! | convolution, sum | stride 1, without bias, after a normalisation | 3x3, stride 1, without bias, and without a normalisation of its input |
//!
//! The frozen form can do more because its statistics are fixed: a normalisation is then a scale and a
//! shift, which weights can contain, and which costs little to compute again for a second reader. The
//! sums differ because the kernels differ: `batch_norm_conv2d` adds after a normalisation, and
//! `conv2d_add` without one.

use super::Output;
use super::description::{Description, Operation, Value};
use burn_fused_conv::Maps;

/// The form of a network that a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A network that trains.
    Trainable,
    /// A network that only predicts.
    Frozen {
        /// Whether the first layer reads the images as they are, in 0..1.
        images_in_range: bool,
    },
}

/// A value that a group reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The value.
    pub value: Value,
    /// Whether nothing reads it later, so that its memory is free for the result.
    last: bool,
}

/// Layers that are computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The last layer of the group, whose output the group gives.
    pub layer: usize,
    /// The convolution of the group, if there is one.
    pub conv: Option<usize>,
    /// The normalisation that the convolution applies to its input.
    pub before: Option<usize>,
    /// The value that the first layer of the group reads.
    pub input: Read,
    /// The second summand, if the group ends in a sum. The group reads it after `input`.
    pub other: Option<Read>,
}

/// The groups of a network, in the order in which they are computed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// In the order in which they are computed.
    pub groups: Vec<Group>,
    taps: Vec<usize>,
}

/// The convolution that the layer at `reader` reads, if nothing else reads it.
pub(super) fn conv_before(description: &Description, reader: usize) -> Option<usize> {
    let Value::Layer(conv) = description.layers[reader].input else { return None };
    let is_conv = matches!(description.layers[conv].operation, Operation::Conv { .. });
    (is_conv && description.only_reader(conv) == Some(reader)).then_some(conv)
}

/// Decides for every layer in which group it is computed.
struct Planner<'a> {
    description: &'a Description,
    form: Form,
}

impl Planner<'_> {
    fn operation(&self, layer: usize) -> Operation {
        self.description.layers[layer].operation
    }

    /// Whether no element of a value is negative. Images are not, unless mean and deviation are
    /// removed.
    fn never_negative(&self, value: Value) -> bool {
        let Value::Layer(layer) = value else {
            return self.form == Form::Frozen { images_in_range: true };
        };
        match self.operation(layer) {
            Operation::NormRelu | Operation::Relu => true,
            Operation::MaxPool | Operation::AveragePool { .. } => {
                self.never_negative(self.description.layers[layer].input)
            }
            _ => false,
        }
    }

    /// Whether the convolutions that read the normalisation at `norm` compute it.
    fn joins_readers(&self, norm: usize) -> bool {
        let description = self.description;
        let readers = description.readers(norm);
        let is_conv = |reader: &usize| matches!(self.operation(*reader), Operation::Conv { .. });
        self.operation(norm) == Operation::NormRelu
            && !description.taps.contains(&norm)
            && !readers.is_empty()
            && readers.iter().all(is_conv)
            && match self.form {
                Form::Trainable => readers.len() == 1,
                Form::Frozen { .. } => conv_before(description, norm).is_none(),
            }
    }

    /// The normalisation that the convolution at `conv` applies to its input.
    fn norm_of(&self, conv: usize) -> Option<usize> {
        let Value::Layer(norm) = self.description.layers[conv].input else { return None };
        self.joins_readers(norm).then_some(norm)
    }

    /// Whether the normalisation after the convolution at `conv` becomes a part of it. The kernel
    /// applies ReLU to the input of such a convolution, so the input must not be negative.
    fn scales(&self, conv: usize) -> bool {
        let input = self.description.layers[conv].input;
        self.form != Form::Trainable && (self.norm_of(conv).is_some() || self.never_negative(input))
    }

    /// Whether a kernel computes the convolution at `conv` and the sum after it.
    fn adds(&self, conv: usize) -> bool {
        let Operation::Conv { kernel, stride: 1, bias: false, .. } = self.operation(conv) else {
            return false;
        };
        match self.form {
            Form::Trainable => self.norm_of(conv).is_some(),
            Form::Frozen { .. } => kernel == 3 && self.norm_of(conv).is_none(),
        }
    }

    /// The convolution of the group that ends with `layer`.
    fn conv_of(&self, layer: usize) -> Option<usize> {
        let before = || conv_before(self.description, layer);
        match self.operation(layer) {
            Operation::Conv { .. } => Some(layer),
            Operation::NormRelu => before().filter(|conv| self.scales(*conv)),
            Operation::Add { .. } => before().filter(|conv| self.adds(*conv)),
            _ => None,
        }
    }

    /// Whether `layer` is computed in the group of a later layer.
    fn joins_later(&self, layer: usize) -> bool {
        let joins_reader = |reader| {
            matches!(self.operation(layer), Operation::Conv { .. })
                && self.conv_of(reader) == Some(layer)
        };
        self.joins_readers(layer) || self.description.only_reader(layer).is_some_and(joins_reader)
    }

    /// The group that ends with `layer`. Every read is marked as the last one.
    fn group(&self, layer: usize) -> Group {
        let conv = self.conv_of(layer);
        let before = conv.and_then(|conv| self.norm_of(conv));
        let first = before.or(conv).unwrap_or(layer);
        let read = |value| Read { value, last: true };
        let other = match self.operation(layer) {
            Operation::Add { other } => Some(read(other)),
            _ => None,
        };
        Group { layer, conv, before, input: read(self.description.layers[first].input), other }
    }
}

impl Plan {
    /// The plan of a network.
    pub(super) fn new(description: &Description, form: Form) -> Self {
        let planner = Planner { description, form };
        let layers = 0..description.layers.len();
        let ends = layers.filter(|layer| !planner.joins_later(*layer));
        let mut groups: Vec<Group> = ends.map(|layer| planner.group(layer)).collect();
        // The output of a network holds its features, its logits, and the input of its last layer.
        let mut later: Vec<Value> = description.taps.iter().map(|tap| Value::Layer(*tap)).collect();
        later.extend(groups.last().map(|group| group.input.value));
        for group in groups.iter_mut().rev() {
            for read in group.other.iter_mut().chain([&mut group.input]) {
                read.last = !later.contains(&read.value);
                later.push(read.value);
            }
        }
        Self { groups, taps: description.taps.clone() }
    }

    /// The values at the start of a pass.
    pub(super) fn start(&self, images: Maps) -> Values {
        let layers = self.groups.last().map_or(0, |group| group.layer + 1);
        Values { images: Some(images), outputs: vec![None; layers] }
    }

    /// The output of a pass, after its last group.
    pub(super) fn output(&self, mut values: Values) -> Output {
        let last = self.groups.last().expect("a network has a linear layer");
        let read = |layer| Read { value: Value::Layer(layer), last: false };
        Output {
            logits: values.read(read(last.layer)).into_tensor().flatten(1, 3),
            features: self.taps.iter().map(|tap| values.read(read(*tap))).collect(),
            pooled: values.read(last.input).into_tensor().flatten(1, 3),
        }
    }
}

/// The values of a forward pass that are still needed.
pub(super) struct Values {
    images: Option<Maps>,
    outputs: Vec<Option<Maps>>,
}

impl Values {
    /// A value. Its memory is given away at the last read, so that the backend can use it again.
    pub(super) fn read(&mut self, read: Read) -> Maps {
        let place = match read.value {
            Value::Images => &mut self.images,
            Value::Layer(index) => &mut self.outputs[index],
        };
        let value = if read.last { place.take() } else { place.clone() };
        value.expect("layers stand in order")
    }

    /// Keeps the output of a group.
    pub(super) fn store(&mut self, group: &Group, value: Maps) {
        self.outputs[group.layer] = Some(value);
    }
}

#[cfg(test)]
mod tests;
