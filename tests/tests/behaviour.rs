//! NBA's distances between the features of all blocks, against PyTorch (`fixtures/losses.py`).

use burn::tensor::{Device, Tensor};
use unstamp_shared::model::Output;
use unstamp_shared::objectives::{Behaviour, Reading, Representation, Scale};
use unstamp_tests::{Fixture, close, devices, values};

/// f32 sums in another order.
const CLOSE: f32 = 1e-4;

fn variants() -> [(&'static str, Behaviour); 6] {
    let usual = Behaviour::default();
    [
        ("relative", usual.clone()),
        ("unit", Behaviour { scale: Scale::Unit, ..usual.clone() }),
        ("printed", Behaviour { scale: Scale::Printed, ..usual.clone() }),
        ("elementwise", Behaviour { reading: Reading::Elementwise, ..usual.clone() }),
        ("positions", Behaviour { behaviour: Representation::Positions, ..usual.clone() }),
        ("feature", Behaviour { behaviour: Representation::Feature, ..usual }),
    ]
}

/// The drawn output of a network in the fixture.
fn output(fixture: &Fixture, role: &str, device: &Device) -> Output {
    let name = |part: &str| format!("behaviour.{role}.{part}");
    let logits: Tensor<2> = fixture.tensor(&name("logits"), device);
    let features = (0..4).map(|i| fixture.tensor(&name(&format!("feature{i}")), device));
    Output { pooled: logits.clone(), logits, features: features.collect() }
}

#[test]
fn distances_between_blocks_agree_with_pytorch() {
    let fixture = Fixture::named("defences.safetensors");
    for (device_name, device) in devices() {
        let device = device.autodiff();
        let teacher = output(&fixture, "teacher", &device);
        for (name, behaviour) in variants() {
            let what = format!("{device_name} {name}");
            let mut student = output(&fixture, "student", &device);
            student.features = student.features.into_iter().map(Tensor::require_grad).collect();
            let response = behaviour.response(&teacher, &student).mean();
            let learning = behaviour.learning(&teacher, &student).mean();
            let found: Vec<f32> = [&response, &learning]
                .into_iter()
                .flat_map(|t| values(t.clone().inner()))
                .collect();
            let want = |part: &str| &fixture.get(&format!("behaviour.{name}.{part}")).values;
            close(&found[..1], &want("terms")[..1], CLOSE, &format!("{what} response"));
            close(&found[1..], &want("terms")[1..], CLOSE, &format!("{what} learning"));
            let gradients = learning.backward();
            let of = |feature: &Tensor<4>| values(feature.grad(&gradients).expect("it has one"));
            let found: Vec<f32> = student.features.iter().flat_map(of).collect();
            close(&found, want("gradients"), CLOSE, &format!("{what} gradients"));
        }
    }
}
