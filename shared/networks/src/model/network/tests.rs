//! Training and evaluation mode, and the places of parameters.

use super::*;
use crate::model::Value;
use crate::model::weights::{Arrays, arrays};
use crate::testing::{arch, close, values};

#[test]
fn only_a_training_pass_moves_the_running_statistics() {
    let device = Device::flex();
    let mut network = arch().init(Seed(0), &device).expect("it exists");
    let state =
        |network: &Network| -> Arrays { pollster::block_on(arrays(network)).expect("readable") };
    let before = state(&network);
    let images = Tensor::ones([2, 3, 8, 8], &device) * 0.5;
    network.forward(images.clone());
    assert_eq!(state(&network), before);
    network.forward_train(images);
    let roles = network.roles();
    let after = state(&network);
    for (name, role) in roles {
        // The first normalisation sees a mean that is not 0.
        let moves = role == Role::Statistic && name.starts_with("block1.layer.0.bn1");
        if role == Role::Trained || moves {
            assert_eq!(after[&name] != before[&name], moves, "{name}");
        }
    }
}

#[test]
fn only_layers_with_weights_have_parameters() {
    let mut description = Description::new(3);
    let x = description.conv("conv", Value::Images, 4, 3, 1);
    let x = description.add("relu", x, Operation::Relu);
    let x = description.add("bn", x, Operation::NormRelu);
    let x = description.add("pool", x, Operation::AveragePool { size: 1 });
    description.add("fc", x, Operation::Linear { outputs: 2 });
    let fixed = Fixed::new(description, None);
    assert_eq!(fixed.places, [Some(0), None, Some(1), None, Some(2)]);
}

#[test]
fn mean_and_deviation_are_removed_from_each_channel() {
    let device = Device::flex();
    let images = || Tensor::<4>::ones([1, 3, 1, 1], &device);
    let constants = [[0.5, 0.0, 1.5], [0.25, 2.0, 0.5]];
    close(&values(normalised(Some(constants), images())), &[2.0, 0.5, -1.0]);
    assert_eq!(values(normalised(None, images())), [1.0; 3]);
}
