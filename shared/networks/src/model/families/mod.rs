//! The families of networks. To add one, write a file here, its `mod` line and a line in
//! [`FAMILIES`].

mod preact_resnet;
mod residual;
mod vgg;
mod wrn;

use super::description::Description;

/// A family of networks, such as all WideResNets.
pub trait Family: Sync {
    /// Names of networks of this family that papers use; the first is the usual one.
    fn examples(&self) -> &'static [&'static str];

    /// The form of its names, for error messages.
    fn form(&self) -> &'static str;

    /// The name of the usual network in [BackdoorBench](https://github.com/SCLBD/BackdoorBench), if it
    /// has it. There the first convolution has as many outputs as the base width says.
    fn backdoorbench_name(&self) -> Option<&'static str> {
        None
    }

    /// The network with this name for images of `channels` channels and `classes` classes; `None` if
    /// the name is not of this family.
    fn describe(&self, name: &str, channels: usize, classes: usize) -> Option<Description>;
}

/// All families.
pub static FAMILIES: &[&dyn Family] = &[&wrn::WideResNet, &preact_resnet::PreActResNet, &vgg::Vgg];

/// A number as names hold it: without sign and leading zeros, so that a network has one name.
fn number(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The base width in a name such as `vgg19-bn-8`: 64 in `vgg19-bn`, 8 in `vgg19-bn-8`.
fn base_width(name: &str, family: &str) -> Option<usize> {
    let rest = name.strip_prefix(family)?;
    if rest.is_empty() {
        return Some(64);
    }
    let width = number(rest.strip_prefix('-')?)?;
    (1..=256).contains(&width).then_some(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_width_is_64_or_the_last_number() {
        let cases = [
            ("vgg", Some(64)),
            ("vgg-1", Some(1)),
            ("vgg-256", Some(256)),
            ("vgg-0", None),
            ("vgg-257", None),
            ("vgg-", None),
            ("vgg8", None),
            ("vgg-8-8", None),
            ("vgg-+8", None),
            ("vgg-08", None),
            ("wrn-8", None),
        ];
        for (name, width) in cases {
            assert_eq!(base_width(name, "vgg"), width, "{name}");
        }
    }

    #[test]
    fn a_name_belongs_to_one_family() {
        for name in FAMILIES.iter().flat_map(|family| family.examples()) {
            let found = FAMILIES.iter().filter(|f| f.describe(name, 3, 10).is_some()).count();
            assert_eq!(found, 1, "{name}");
        }
    }
}
