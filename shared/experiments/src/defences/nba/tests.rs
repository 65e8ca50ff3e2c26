//! The samples that unlearning keeps, and the attack that makes them.

use super::*;
use crate::testing::{arch, close, fresh, values};
use burn::tensor::Device;
use unstamp_data::settings::Choice;
use unstamp_networks::model::weights;

#[test]
fn the_step_of_the_attack_is_a_share_of_its_radius() {
    let Pgd { norm, eps, step, steps } = AttackSettings::default().pgd();
    assert_eq!((norm, steps), (Norm::Linf, 5));
    close(&[eps, step], &[8.0 / 255.0, 4.0 / 255.0]);
}

fn alignment(samples: Samples, target: Option<usize>) -> Alignment {
    Alignment { settings: NbaSettings { samples, ..NbaSettings::default() }, target }
}

#[test]
fn samples_are_kept_by_their_prediction() {
    let hits = Tensor::<1>::from_floats([1.0, 0.0, 1.0], &Device::flex());
    for samples in Samples::ALL {
        let kept = alignment(*samples, Some(3)).kept(Some(&hits)).expect("the target is known");
        let wanted = match samples {
            Samples::PseudoPoisoned => Some(vec![1.0, 0.0, 1.0]),
            Samples::PseudoClean => Some(vec![0.0, 1.0, 0.0]),
            Samples::Pseudo | Samples::Poisoned | Samples::None => None,
        };
        assert_eq!(kept.map(values), wanted, "{samples:?}");
        // A class that is only counted for the record must not choose samples.
        let unknown = alignment(*samples, None).kept(Some(&hits));
        assert_eq!(unknown.is_err(), wanted_target(*samples), "{samples:?}");
    }
}

/// Whether samples are chosen by the target of the attack.
fn wanted_target(samples: Samples) -> bool {
    matches!(samples, Samples::PseudoPoisoned | Samples::PseudoClean)
}

#[test]
fn predictions_of_a_class_are_marked() {
    let mut arrays = fresh();
    arrays.get_mut("fc.bias").expect("it exists").values[3] = 1e6;
    let device = Device::flex();
    let network = weights::network(&arch(), &arrays, &device).expect("they fit");
    let images = Tensor::ones([2, 3, 8, 8], &device);
    assert_eq!(values(as_class(&network, &images, 3)), [1.0, 1.0]);
    assert_eq!(values(as_class(&network, &images, 4)), [0.0, 0.0]);
}

#[test]
fn the_mean_is_over_the_whole_batch() {
    let distances = Tensor::<1>::from_floats([3.0, 0.0, 0.0], &Device::flex());
    assert_eq!(values(mean(distances)), [1.0]);
}
