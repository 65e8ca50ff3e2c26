//! `unstamp plan`: its rows are the groups of the network, and its numbers those of the definition.

use unstamp_shared::Device;
use unstamp_shared::model::{Arch, FAMILIES};
use unstamp_shared::seed::Seed;
use unstamp_tests::run;

/// A tiny network of each family.
const TINY: [&str; 3] = ["wrn-10-1", "preact-resnet18-2", "vgg19-bn-4"];

#[test]
fn every_layer_is_in_one_group() {
    assert_eq!(TINY.len(), FAMILIES.len());
    for name in TINY {
        let network = Arch::new(name, 10).init(Seed(0), &Device::flex()).expect("it exists");
        let costs = network.costs(2, (32, 32));
        let mut found: Vec<String> = costs.iter().flat_map(|cost| cost.layers.clone()).collect();
        let mut wanted: Vec<String> =
            network.description().layers.iter().map(|layer| layer.name.clone()).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
    }
}

/// 16 channels on 32x32 pixels: Winograd's 36 products for each of 64 tiles; maps of 16 channels, of which one is
/// read and one written; the weights of the convolution, and four numbers for each channel of the normalisation.
#[test]
fn the_first_block_of_a_wideresnet_costs_what_its_shape_says() {
    let network = Arch::new("wrn-16-1", 10).init(Seed(0), &Device::flex()).expect("it exists");
    let cost = &network.costs(8, (32, 32))[1];
    assert_eq!(cost.layers, ["block1.layer.0.bn1", "block1.layer.0.conv1"]);
    assert_eq!(cost.output, [16, 32, 32]);
    assert_eq!(cost.flop, 2.0 * 8.0 * 36.0 * 64.0 * 16.0 * 16.0);
    assert_eq!(cost.bytes, 4.0 * (2.0 * 8.0 * 16.0 * 1024.0 + 9.0 * 256.0 + 4.0 * 16.0));
}

#[test]
fn the_table_has_a_row_for_each_group() {
    let (code, out, error) = run(&["plan", "--arch", "wrn-10-1", "--batch", "2", "--repeats", "1"]);
    assert_eq!(code, 0, "{error}");
    let network = Arch::new("wrn-10-1", 10).init(Seed(0), &Device::flex()).expect("it exists");
    for cost in network.costs(2, (32, 32)) {
        assert!(out.contains(&cost.layers.join(" + ")), "{:?} is missing: {out}", cost.layers);
    }
    assert!(out.contains("all groups"), "{out}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let cases = [
        (["--arch", "wrn-1"], "is not an architecture"),
        (["--batch", "0"], "a batch of 0 images; use 1 to 4096"),
        (["--image-size", "7"], "7"),
        (["--image-size", "1024"], "use at most 4194304"),
        (["--repeats", "0"], "1..=1000"),
    ];
    for (arguments, sentence) in cases {
        let (code, _, error) = run(&[&["plan"], &arguments[..]].concat());
        assert!(code != 0 && error.contains(sentence), "{arguments:?}: {error}");
    }
}
