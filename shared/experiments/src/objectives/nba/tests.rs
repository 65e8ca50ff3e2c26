//! Distances between features that can be computed by hand.

use super::*;
use crate::testing::{close, logits, output, values};
use unstamp_data::settings::Choice;

/// Two channels on two positions. Their Gram matrix is `[[5, 11], [11, 25]]`, and the sum of the squares of
/// the feature is 30.
const FEATURE: [[f32; 2]; 2] = [[1.0, 2.0], [3.0, 4.0]];

/// A feature of zeros.
const ZERO: [[f32; 2]; 2] = [[0.0; 2]; 2];

/// The sum of the squares of the Gram matrix.
const GRAM: f32 = 25.0 + 121.0 + 121.0 + 625.0;

fn with(scale: Scale) -> Behaviour {
    Behaviour { scale, ..Behaviour::default() }
}

#[test]
fn a_layer_is_represented_by_its_matrix() {
    for behaviour in Representation::ALL {
        let settings = Behaviour { behaviour: *behaviour, ..with(Scale::Printed) };
        let matrix = settings.matrix(&output(&[FEATURE]).features[0]);
        let wanted = match behaviour {
            Representation::Gram => [5.0, 11.0, 11.0, 25.0],
            Representation::Positions => [10.0, 14.0, 14.0, 20.0],
            Representation::Feature => [1.0, 2.0, 3.0, 4.0],
        };
        assert_eq!(values(matrix), wanted, "{behaviour:?}");
    }
}

#[test]
fn response_has_the_scale_that_is_asked_for() {
    let teacher = output(&[FEATURE]);
    let student = output(&[ZERO]);
    for scale in Scale::ALL {
        let wanted = match scale {
            // 1 / (4 C^2 (HW)^2) of 2 channels and 2 positions.
            Scale::Printed => GRAM / (4.0 * 4.0 * 4.0),
            Scale::Unit => GRAM / (30.0 * 30.0),
            Scale::Relative => 1.0,
        };
        close(&values(with(*scale).response(&teacher, &student)), &[wanted]);
        close(&values(with(*scale).response(&teacher, &teacher)), &[0.0]);
    }
}

#[test]
fn learning_is_the_change_between_layers() {
    let teacher = output(&[FEATURE, ZERO]);
    let student = output(&[ZERO, ZERO]);
    for reading in Reading::ALL {
        let settings = Behaviour { reading: *reading, ..with(Scale::Printed) };
        let wanted = match reading {
            Reading::Scalar => GRAM * GRAM,
            Reading::Elementwise => 25.0f32.powi(2) + 2.0 * 121.0f32.powi(2) + 625.0f32.powi(2),
        };
        close(&values(settings.learning(&teacher, &student)), &[wanted]);
    }
}

#[test]
fn blocks_of_other_sizes_are_no_neighbours() {
    let mut teacher = output(&[FEATURE, ZERO]);
    teacher.features.push(output(&[[[1.0, 2.0, 3.0]]]).features.remove(0));
    assert_eq!(with(Scale::Relative).steps(&teacher).len(), 1);
    let groups = Behaviour { layers: Layers::Groups, ..with(Scale::Relative) };
    assert_eq!(groups.steps(&teacher).len(), 2, "maps of groups are brought to one size");
}

#[test]
fn networks_without_neighbours_have_a_learning_distance_of_0() {
    let one = output(&[FEATURE]);
    assert_eq!(values(with(Scale::Relative).learning(&one, &one)), [0.0]);
}

/// The probabilities of the teacher are 1/4 and 3/4 at temperature 2, those of the student 1/2.
#[test]
fn predictions_are_softened_by_the_temperature() {
    let mut teacher = output(&[FEATURE]);
    let student = teacher.clone();
    teacher.logits = logits([[0.0, 2.0 * 3f32.ln()]]);
    for divergence in Divergence::ALL {
        let settings =
            Behaviour { divergence: *divergence, temperature: 2.0, ..Behaviour::default() };
        let entropy = 0.25 * 4f32.ln() + 0.75 * (4.0f32 / 3.0).ln();
        let [other, same] = match divergence {
            Divergence::CrossEntropy => [2f32.ln(), entropy],
            Divergence::Kl => [2f32.ln() - entropy, 0.0],
        };
        close(&values(settings.prediction(&teacher, &student)), &[other]);
        close(&values(settings.prediction(&teacher, &teacher)), &[same]);
    }
}

#[test]
fn the_features_are_those_of_the_layers() {
    let features = |layers| Behaviour { layers, ..Behaviour::default() }.features();
    assert_eq!(features(Layers::Blocks), Features::Blocks);
    assert_eq!(features(Layers::Groups), Features::Groups);
}
