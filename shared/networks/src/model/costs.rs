//! The cost of the groups of layers of a network while it trains. `unstamp plan` prints it.

use super::Network;
use super::description::{Description, Operation, Value};
use super::plan::Group;
use burn::tensor::Tensor;
use burn_fused_conv::{Maps, multiply_adds};

/// A group of layers that are computed together, and what its forward pass costs for a batch.
#[derive(Clone, Debug, Default)]
pub struct GroupCost {
    /// Names of the layers, in the order in which they are computed.
    pub layers: Vec<String>,
    /// Channels, height and width of the output.
    pub output: [usize; 3],
    /// Floating-point operations of the convolution or linear layer, as the kernels of the CPU execute them;
    /// a multiply-add is two.
    pub flop: f64,
    /// Bytes of the maps and weights that are read and of the maps that are written.
    pub bytes: f64,
}

/// The feature maps that one group of a pass reads.
#[derive(Clone, Debug)]
pub struct GroupInputs {
    /// Whether `input` is the images. A training step needs no gradient of them.
    is_images: bool,
    input: Maps,
    other: Option<Maps>,
}

impl GroupInputs {
    /// Whether the group reads the images. A training step needs no gradient of them.
    pub fn is_images(&self) -> bool {
        self.is_images
    }

    /// The same maps as inputs with gradients, except images, which have none in a training step.
    pub fn with_gradients(self) -> Self {
        let leaf = |maps: Maps| maps.detach().require_grad();
        let input = if self.is_images { self.input.detach() } else { leaf(self.input) };
        Self { input, other: self.other.map(leaf), ..self }
    }
}

/// The layers of a group, in the order in which they are computed.
fn layers(group: &Group) -> Vec<usize> {
    let mut layers: Vec<usize> = [group.before, group.conv].into_iter().flatten().collect();
    layers.push(group.layer);
    layers.dedup();
    layers
}

/// The cost of a group for `n` images of this height and width.
fn cost(description: &Description, group: &Group, n: usize, images: (usize, usize)) -> GroupCost {
    let numbers = |value: Value| {
        let (height, width) = description.size_of(value, images);
        (n * description.channels_of(value) * height * width) as f64
    };
    let output = Value::Layer(group.layer);
    let (height, width) = description.size_of(output, images);
    let read = [Some(group.input.value), group.other.map(|other| other.value)];
    let read: f64 = read.into_iter().flatten().map(numbers).sum();
    let layers = layers(group);
    let parameters = layers.iter().flat_map(|layer| description.parameters_of(*layer));
    let weights: f64 = parameters.map(|p| p.shape.iter().product::<usize>() as f64).sum();
    let worker = &description.layers[group.conv.unwrap_or(group.layer)];
    let multiply_adds = match worker.operation {
        Operation::Conv { outputs, kernel, stride, .. } => {
            let (height, width) = description.size_of(worker.input, images);
            let inputs = description.channels_of(worker.input);
            multiply_adds([n, inputs, height, width], [outputs, inputs, kernel, kernel], stride)
        }
        Operation::Linear { outputs } => outputs * numbers(worker.input) as usize,
        _ => 0,
    };
    GroupCost {
        layers: layers.iter().map(|layer| description.layers[*layer].name.clone()).collect(),
        output: [description.channels_of(output), height, width],
        flop: 2.0 * multiply_adds as f64,
        bytes: 4.0 * (read + weights + numbers(output)),
    }
}

impl Network {
    /// The cost of each group for `n` images of this height and width, in the order in which the groups are
    /// computed.
    ///
    /// # Examples
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use unstamp_data::seed::Seed;
    /// use unstamp_networks::model::Arch;
    ///
    /// let network = Arch::new("wrn-10-1", 10).init(Seed(0), &Device::flex())?;
    /// let costs = network.costs(1, (32, 32));
    /// let last = costs.last().expect("a network has layers");
    /// assert_eq!(last.layers, ["fc"]);
    /// assert_eq!(last.flop, 2.0 * 64.0 * 10.0);
    /// # Ok::<(), unstamp_networks::model::ArchError>(())
    /// ```
    pub fn costs(&self, n: usize, images: (usize, usize)) -> Vec<GroupCost> {
        let groups = self.groups().iter();
        groups.map(|group| cost(self.description(), group, n, images)).collect()
    }

    /// The feature maps that each group of a pass in training mode reads, in the order of [`Network::costs`].
    pub fn inputs_of_groups(&self, images: Tensor<4>) -> Vec<GroupInputs> {
        let mut all = Vec::new();
        self.run_observed(images, |input, other| {
            let is_images = all.is_empty();
            all.push(GroupInputs { is_images, input: input.clone(), other: other.cloned() });
        });
        all
    }

    /// The output of group `index` alone, in training mode.
    ///
    /// # Panics
    /// If there is no such group.
    pub fn run_group(&self, index: usize, inputs: GroupInputs) -> Maps {
        self.group_alone(&self.groups()[index], inputs.input, inputs.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, FAMILIES};
    use crate::testing::values;
    use burn::tensor::Device;
    use unstamp_data::seed::Seed;

    /// A tiny network of each family.
    const TINY: [&str; 3] = ["wrn-10-1", "preact-resnet18-2", "vgg19-bn-4"];

    #[test]
    fn every_layer_is_in_one_group() {
        assert_eq!(TINY.len(), FAMILIES.len());
        for name in TINY {
            let network = Arch::new(name, 10).init(Seed(0), &Device::flex()).expect("it exists");
            let costs = network.costs(2, (32, 32));
            let mut found: Vec<String> =
                costs.iter().flat_map(|cost| cost.layers.clone()).collect();
            let mut wanted: Vec<String> =
                network.description().layers.iter().map(|layer| layer.name.clone()).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{name}");
        }
    }

    /// 16 channels on 32x32 pixels: Winograd's 36 products for each of 64 tiles; maps of 16 channels, of which
    /// one is read and one written; the weights of the convolution, and four numbers for each channel of the
    /// normalisation.
    #[test]
    fn the_first_block_of_a_wideresnet_costs_what_its_shape_says() {
        let network = Arch::new("wrn-16-1", 10).init(Seed(0), &Device::flex()).expect("it exists");
        let cost = &network.costs(8, (32, 32))[1];
        assert_eq!(cost.layers, ["block1.layer.0.bn1", "block1.layer.0.conv1"]);
        assert_eq!(cost.output, [16, 32, 32]);
        assert_eq!(cost.flop, 2.0 * 8.0 * 36.0 * 64.0 * 16.0 * 16.0);
        assert_eq!(cost.bytes, 4.0 * (2.0 * 8.0 * 16.0 * 1024.0 + 9.0 * 256.0 + 4.0 * 16.0));
    }

    /// Every group alone gives its output in a whole pass.
    #[test]
    fn a_group_alone_computes_its_part_of_the_pass() {
        let device = Device::flex();
        let network = Arch::new(TINY[0], 10).init(Seed(0), &device).expect("it exists");
        let images = Tensor::ones([2, 3, 8, 8], &device) * 0.5;
        let inputs = network.inputs_of_groups(images.clone());
        assert_eq!(inputs.len(), network.costs(2, (8, 8)).len());
        let is_images: Vec<bool> = inputs.iter().map(GroupInputs::is_images).collect();
        assert!(is_images[0] && !is_images[1..].contains(&true));
        let last = inputs.len() - 1;
        let logits = network.run_group(last, inputs[last].clone()).into_tensor();
        let wanted = network.clone().forward_train(images).logits;
        assert_eq!(values(logits), values(wanted));
    }
}
