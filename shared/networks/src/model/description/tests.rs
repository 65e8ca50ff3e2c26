//! Rules that the lists of layers of all families keep.

use super::{Description, Operation, Value};
use crate::model::{Arch, FAMILIES, Features, RGB};

#[test]
fn the_last_convolution_is_no_shortcut() {
    let names = [
        ("wrn-10-1", "block3.layer.0.conv2"),
        ("wrn-16-1", "block3.layer.1.conv2"),
        ("preact-resnet18", "layer4.1.conv2"),
        ("vgg19-bn", "features.49"),
    ];
    for (arch, wanted) in names {
        let arch = Arch::new(arch, 10);
        let network = arch.describe().expect("a known name");
        let last = network.last_convolution().expect("a convolution");
        assert_eq!(last.name, wanted, "{}", arch.name);
    }
}

/// The first example of each family.
fn examples() -> impl Iterator<Item = (&'static str, Description)> {
    FAMILIES.iter().map(|family| {
        let name = family.examples()[0];
        (name, family.describe(name, RGB, 10).expect("its own example"))
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
fn blocks_are_sums_or_normalised_convolutions() {
    let blocks = |name: &str| -> Vec<String> {
        let arch = Arch { features: Features::Blocks, ..Arch::new(name, 10) };
        let network = arch.describe().expect("a known name");
        network.taps.iter().map(|tap| network.layers[*tap].name.clone()).collect()
    };
    let sums = |groups: usize, name: &str| -> Vec<String> {
        let of_group = |group| (0..2).map(move |block| (group, block));
        let pairs = (1..=groups).flat_map(of_group);
        pairs.map(|(g, b)| name.replace('G', &g.to_string()).replace('B', &b.to_string())).collect()
    };
    assert_eq!(blocks("wrn-16-1"), sums(3, "blockG.layer.B.out"));
    assert_eq!(blocks("preact-resnet18"), sums(4, "layerG.B.out"));
    let vgg = blocks("vgg19-bn");
    assert_eq!((vgg.len(), vgg[0].as_str(), vgg[15].as_str()), (16, "features.1", "features.50"));
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
