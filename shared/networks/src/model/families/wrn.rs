//! WideResNet-d-k ([Zagoruyko & Komodakis 2016](https://arxiv.org/abs/1605.07146)) in the form that
//! the public code of [NAD](https://arxiv.org/abs/2101.05930) uses.

use super::residual::block;
use super::{Family, number};
use crate::model::description::{Description, Operation, Value};

/// Pre-activation basic blocks in three groups of 16k, 32k and 64k channels, `(d - 4) / 6` blocks
/// each.
///
/// A group's feature is its residual sum, before the next batch normalisation; its values may be
/// negative. Where a block changes the number of channels, its shortcut reads the activated input.
/// Names: `wrn-D-K` with `D = 6m + 4` from 10 to 100 and `K` from 1 to 16.
pub struct WideResNet;

/// Depth and width in a name such as `wrn-16-1`.
fn sizes(name: &str) -> Option<(usize, usize)> {
    let (depth, width) = name.strip_prefix("wrn-")?.split_once('-')?;
    let depth = number(depth)?;
    let width = number(width)?;
    let known =
        (10..=100).contains(&depth) && (depth - 4).is_multiple_of(6) && (1..=16).contains(&width);
    known.then_some((depth, width))
}

impl Family for WideResNet {
    fn examples(&self) -> &'static [&'static str] {
        &["wrn-16-1", "wrn-10-1", "wrn-10-2", "wrn-16-2", "wrn-40-1", "wrn-40-2"]
    }

    fn form(&self) -> &'static str {
        "wrn-D-K with D = 6m + 4"
    }

    fn describe(&self, name: &str, channels: usize, classes: usize) -> Option<Description> {
        let (depth, width) = sizes(name)?;
        let mut network = Description::new(channels);
        let mut x = network.conv("conv1", Value::Images, 16, 3, 1);
        for group in 1..=3 {
            let outputs = width * (8 << group);
            for index in 0..(depth - 4) / 6 {
                let stride = if index == 0 && group > 1 { 2 } else { 1 };
                let name = format!("block{group}.layer.{index}");
                x = block(&mut network, &name, "convShortcut", x, (outputs, stride));
            }
            network.tap(x);
        }
        let x = network.add("bn1", x, Operation::NormRelu);
        let x = network.add("pool", x, Operation::AveragePool { size: 1 });
        network.add("fc", x, Operation::Linear { outputs: classes });
        Some(network)
    }
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn names_hold_a_depth_of_6m_plus_4_and_a_width() {
        let cases = [
            ("wrn-10-1", Some((10, 1))),
            ("wrn-100-16", Some((100, 16))),
            ("wrn-4-1", None),
            ("wrn-106-1", None),
            ("wrn-11-1", None),
            ("wrn-16-0", None),
            ("wrn-16-17", None),
            ("wrn-16", None),
            ("wrn-16-1-1", None),
            ("vgg-16-1", None),
        ];
        for (name, wanted) in cases {
            assert_eq!(sizes(name), wanted, "{name}");
        }
    }
}
