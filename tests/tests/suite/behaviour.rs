//! NBA's distances between the features of all blocks, against PyTorch (`fixtures/losses.py`), and its
//! pseudo samples.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use unstamp_shared::adversarial::{Norm, Pgd};
use unstamp_shared::model::weights::network;
use unstamp_shared::model::{Maps, Output};
use unstamp_shared::objectives::{Behaviour, Reading, Representation, Scale};
use unstamp_shared::seed::Seed;
use unstamp_tests::defend::{arch, defended};
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
    let features = (0..4).map(|i| Maps::new(fixture.tensor(&name(&format!("feature{i}")), device)));
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
            let leaves: Vec<Tensor<4>> =
                student.features.into_iter().map(|f| f.into_tensor().require_grad()).collect();
            student.features = leaves.iter().cloned().map(Maps::new).collect();
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
            let found: Vec<f32> = leaves.iter().flat_map(of).collect();
            close(&found, want("gradients"), CLOSE, &format!("{what} gradients"));
        }
    }
}

/// PGD in L2 stays in its ball and in 0..1, and moves the network away from the labels.
#[test]
fn pgd_in_l2_stays_in_its_ball() {
    let nets = Fixture::load();
    for (device_name, device) in devices() {
        let device = device.autodiff();
        let network = network(&arch(), &nets.part("c"), &device).expect("it fits").no_grad();
        let images: Tensor<4> = nets.tensor("images", &device);
        let labels: Vec<i32> = nets.get("labels").values.iter().map(|v| *v as i32).collect();
        let labels: Tensor<1, Int> = Tensor::from_data(TensorData::new(labels, [4]), &device);
        let chosen = labels.clone().reshape([4, 1]);
        let loss = |x: Tensor<4>| {
            let log = log_softmax(network.forward(x).logits, 1);
            values(log.gather(1, chosen.clone()).sum().neg())[0]
        };
        let before = loss(images.clone());
        for eps in [0.5, 2.0] {
            let attack = Pgd { norm: Norm::L2, eps, step: eps / 2.0, steps: 5 };
            let streams = (0..4).map(|i| Seed(0).stream("test", &[i]));
            let moved = attack.perturb_each(&network, images.clone(), &labels, streams);
            assert!(loss(moved.clone()) > before, "{device_name} {eps}");
            let pixels = values(moved.clone());
            assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)), "{device_name} {eps}");
            for change in values(moved - images.clone()).chunks_exact(3 * 32 * 32) {
                let length = change.iter().map(|v| v * v).sum::<f32>().sqrt();
                assert!(length <= eps * 1.0001, "{device_name}: {length} of {eps}");
                assert!(length > eps / 2.0, "{device_name}: {length} of {eps}");
            }
        }
    }
}

/// The pseudo samples of both kinds are all pseudo samples: their distances add up.
#[test]
fn pseudo_samples_of_both_kinds_are_all_of_them() {
    let nets = Fixture::load();
    let parts = |samples: &str| -> Vec<(String, f64)> {
        let set = [samples, "epochs=1", "lr=0", "cutout=0", "layers=groups", "eps=0.05"];
        let job = defended("nba", &set, nets.part("c"), nets.four());
        let last = job.history().last().expect("an epoch").clone();
        last.losses.into_iter().filter(|(name, _)| name.starts_with("unlearn")).collect()
    };
    let all = parts("samples=pseudo");
    let poisoned = parts("samples=pseudo_poisoned");
    let clean = parts("samples=pseudo_clean");
    assert_eq!(all.len(), 3);
    for ((whole, one), other) in all.iter().zip(&poisoned).zip(&clean) {
        let off = (one.1 + other.1 - whole.1).abs();
        assert!(
            off <= 1e-5 * whole.1.abs(),
            "{}: {} and {} of {}",
            whole.0,
            one.1,
            other.1,
            whole.1
        );
    }
    assert!(poisoned.iter().zip(&clean).any(|(one, other)| one.1 != other.1), "{poisoned:?}");
}
