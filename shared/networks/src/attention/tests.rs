//! Attention maps of features that can be computed by hand.

use super::*;
use crate::testing::{close, values};
use burn::tensor::Device;
use unstamp_data::settings::Choice;

/// One image with the channels `[1, -2]` and `[3, 4]` on two positions.
fn feature() -> Tensor<4> {
    Tensor::from_floats([[[[1.0, -2.0]], [[3.0, 4.0]]]], &Device::flex())
}

#[test]
fn every_operator_has_its_values() {
    for operator in Operator::ALL {
        let wanted: &[f32] = match operator {
            Operator::Sum => &[4.0, 6.0],
            Operator::Mean => &[2.0, 3.0],
            Operator::Sum2 => &[10.0, 20.0],
            Operator::Mean2 => &[5.0, 10.0],
            Operator::Sum4 => &[82.0, 272.0],
            Operator::Raw => &[1.0, -2.0, 3.0, 4.0],
        };
        close(&values(operator.map(feature())), wanted);
    }
}

#[test]
fn a_row_of_zeros_has_length_0_and_stays() {
    let rows = || Tensor::<2>::from_floats([[3.0, 4.0], [0.0, 0.0]], &Device::flex());
    close(&values(norm(rows())), &[5.0, 0.0]);
    close(&values(normalised(rows())), &[0.6, 0.8, 0.0, 0.0]);
}

#[cfg(feature = "learn")]
#[test]
fn the_gradient_of_a_length_of_0_is_0() {
    let device = Device::flex().autodiff();
    let rows = Tensor::<2>::from_floats([[3.0, 4.0], [0.0, 0.0]], &device).require_grad();
    let gradients = norm(rows.clone()).sum().backward();
    let gradient = rows.grad(&gradients).expect("it is a leaf");
    close(&values(gradient), &[0.6, 0.8, 0.0, 0.0]);
}

#[test]
fn maps_are_averaged_to_cells() {
    let device = Device::flex();
    let even = [[0.0, 2.0, 1.0, 1.0], [4.0, 6.0, 1.0, 5.0]];
    let even = || Tensor::<4>::from_floats([[even]], &device);
    assert_eq!(values(pooled(even(), 1, 2)), [3.0, 2.0]);
    assert_eq!(values(pooled(even(), 2, 4)), values(even()));
    let odd = Tensor::<4>::from_floats([[[[0.0, 1.0, 2.0]]]], &device);
    close(&values(pooled(odd, 1, 2)), &[0.5, 1.5]);
}

#[test]
fn large_logits_have_finite_probabilities() {
    close(&probabilities(&[1000.0, 1000.0]), &[0.5, 0.5]);
    close(&probabilities(&[0.0, 3f32.ln()]), &[0.25, 0.75]);
    close(&probabilities(&[-1000.0, 1000.0]), &[0.0, 1.0]);
}

/// `1 + 1` and `0 + 4`, divided by `sqrt(20)`.
#[test]
fn a_map_has_length_1_unless_it_is_zero() {
    let length = 20f32.sqrt();
    close(&map(&[1.0, 0.0, 1.0, 2.0], 2), &[2.0 / length, 4.0 / length]);
    assert_eq!(map(&[0.0; 4], 2), [0.0; 2]);
    assert!(map(&[], 2).is_empty());
}

/// The lower right corner of an image of 32x32 pixels.
const CORNER: Area = Area { x: 28, y: 28, width: 4, height: 4 };

#[test]
fn a_share_is_of_the_area_covered() {
    // An even map has as much on the trigger as the trigger has of the image, at every size.
    for side in [32, 16, 8] {
        let share = share_on(&vec![1.0; side * side], (side, side), &CORNER, (32, 32));
        assert!((share - 1.0 / 64.0).abs() < 1e-12, "{side}: {share}");
    }
    // All attention in the corner's only cell of an 8x8 map; a 2x2 trigger covers a quarter of it.
    let mut map = vec![0.0; 64];
    map[63] = 5.0;
    assert_eq!(share_on(&map, (8, 8), &CORNER, (32, 32)), 1.0);
    let small = Area { x: 30, y: 30, width: 2, height: 2 };
    assert_eq!(share_on(&map, (8, 8), &small, (32, 32)), 0.25);
    assert_eq!(share_on(&[0.0; 64], (8, 8), &CORNER, (32, 32)), 0.0);
}

#[test]
fn a_map_that_overflowed_has_no_share() {
    let all = Area { x: 0, y: 0, width: 4, height: 4 };
    assert_eq!(share_on(&[1.0, f32::INFINITY, 1.0, 1.0], (2, 2), &all, (4, 4)), 0.0);
}

/// A strip of three pixels covers one cell of two pixels and half of the next.
#[test]
fn cells_count_by_the_covered_part() {
    assert_eq!(covered(3, 6, 0, 3), [1.0, 0.5, 0.0]);
    assert_eq!(covered(3, 6, 1, 2), [0.5, 0.5, 0.0]);
    assert_eq!(covered(3, 6, 6, 2), [0.0; 3]);
}
