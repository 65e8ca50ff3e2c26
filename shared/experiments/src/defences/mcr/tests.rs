//! The shares of a curve, sums of weights, and the phases of each end.

use super::*;
use unstamp_networks::model::weights::Array;

#[test]
fn a_curve_meets_its_ends_and_its_shares_sum_to_1() {
    for curve in [Curve::Bezier, Curve::Chain] {
        assert_eq!(curve.shares(0.0), [1.0, 0.0, 0.0], "{curve:?}");
        assert_eq!(curve.shares(1.0), [0.0, 0.0, 1.0], "{curve:?}");
        for tenth in 0..=10u8 {
            let sum: f32 = curve.shares(f32::from(tenth) / 10.0).iter().sum();
            // Rounding of three shares in f32.
            assert!((sum - 1.0).abs() < 1e-6, "{curve:?} at {tenth} tenths: {sum}");
        }
    }
    assert_eq!(Curve::Bezier.shares(0.25), [0.5625, 0.375, 0.0625]);
    assert_eq!(Curve::Chain.shares(0.25), [0.5, 0.5, 0.0]);
    assert_eq!(Curve::Chain.shares(0.5), [0.0, 1.0, 0.0]);
    assert_eq!(Curve::Chain.shares(0.75), [0.0, 0.5, 0.5]);
}

fn arrays(values: [f32; 2]) -> Arrays {
    Arrays::from([("a".to_string(), Array { shape: vec![2], values: values.to_vec() })])
}

#[test]
fn weights_are_summed_by_their_shares() {
    let models = [arrays([1.0, 2.0]), arrays([4.0, 8.0]), arrays([16.0, 32.0])];
    let [first, bend, last] = &models;
    assert_eq!(combined(&[(0.5, first), (0.25, bend)]), arrays([1.5, 3.0]));
    assert_eq!(Curve::Bezier.at(0.5, [first, bend, last]), arrays([6.25, 12.5]));
    assert_eq!(combined(&[]), Arrays::new());
}

#[test]
fn points_are_the_tenths_of_the_curve() {
    let point = Point { curve: Curve::Chain, t: 0.3, augment: Augment::default() };
    let found: Vec<f64> = point.points().into_iter().map(|(t, _)| t).collect();
    let wanted: Vec<f64> = (0..=10).map(|tenth| f64::from(tenth) / 10.0).collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_bend_lies_between_the_ends() {
    let given = DefenceInput { images: 500, size: (32, 32), flip: false, trigger: None };
    for (ends, last, middle) in [
        (End::Victim, Start::Victim, Start::Victim),
        (End::FineTuned, Start::Phase(0), Start::Phase(1)),
    ] {
        let settings = ModeConnectivitySettings { ends, ..ModeConnectivitySettings::default() };
        let phases = TypedDefence::phases(&ModeConnectivity, &settings, &given);
        let [.., bend, point] = &phases[..] else { panic!("a bend and a point") };
        assert_eq!(bend.student, middle, "{ends:?}");
        assert_eq!(point.student, Start::Phase(phases.len() - 2), "{ends:?}");
        for phase in [bend, point] {
            assert_eq!(phase.references, [Start::Victim, last.clone()], "{ends:?}");
        }
    }
}
