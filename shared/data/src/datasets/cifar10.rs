//! CIFAR-10: photographs of animals and vehicles in 10 classes (Krizhevsky 2009,
//! <https://www.cs.toronto.edu/~kriz/cifar.html>).

use super::DatasetInfo;

/// The description of CIFAR-10.
pub static INFO: DatasetInfo = DatasetInfo {
    id: "cifar10",
    title: "CIFAR-10",
    source: "unstamp data fetch cifar10, or --data with the official archive, its folder, or class folders",
    classes: &CLASSES,
    size: (32, 32),
    flip: true,
};

/// The classes, by the numbers of the official batches.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
