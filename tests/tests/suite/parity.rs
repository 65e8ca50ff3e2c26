//! Network, attention and losses against PyTorch (`fixtures/make.py`), on CPU and native wgpu.

use burn::tensor::{Int, Tensor, TensorData};
use unstamp_shared::attention::Operator;
use unstamp_shared::job::lift;
use unstamp_shared::model::weights::{self, network};
use unstamp_shared::model::{Arch, Maps, Network, parameters};
use unstamp_shared::objectives::{Form, Nad, Objective, ObjectiveInput, Tracked};
use unstamp_shared::seed::Seed;
use unstamp_shared::settings::Choice;
use unstamp_tests::{Fixture, close, devices, values};

/// f32 sums of up to 576 products in another order, through 16 layers.
const FORWARD: f32 = 1e-4;
/// The same, backward: the batch statistics of 4 images divide small differences.
const GRADIENT: f32 = 2e-3;

/// The paper's; the others are in `defences_pytorch.rs`.
const OPERATORS: [&str; 4] = ["sum2", "sum", "mean", "mean2"];

fn arch(depth: usize) -> Arch {
    Arch::new(format!("wrn-{depth}-1"), 10)
}

fn load(fixture: &Fixture, part: &str, depth: usize, device: &burn::tensor::Device) -> Network {
    network(&arch(depth), &fixture.part(part), device).expect("the fixture fits")
}

#[test]
fn forward_features_and_attention() {
    let fixture = Fixture::load();
    for (name, device) in devices() {
        let net = load(&fixture, "a", 16, &device);
        let output = net.forward(fixture.tensor("images", &device));
        close(
            &values(output.logits),
            &fixture.get("want.logits").values,
            FORWARD,
            &format!("{name} logits"),
        );
        for (i, feature) in output.features.into_iter().enumerate() {
            let feature = feature.into_tensor();
            let want = &fixture.get(&format!("want.feature{i}")).values;
            close(&values(feature.clone()), want, FORWARD, &format!("{name} feature {i}"));
            for operator in OPERATORS {
                let map = Operator::named(operator).expect("listed").map(feature.clone());
                let want = &fixture.get(&format!("want.attention{i}.{operator}")).values;
                close(&values(map), want, FORWARD, &format!("{name} attention {i} {operator}"));
            }
        }
    }
}

/// Folding multiplies weights by up to `1 / sqrt(var)` before the sums instead of after: rounding.
const FOLDED: f32 = 2e-5;

#[test]
fn a_frozen_network_gives_the_same_answers() {
    let fixture = Fixture::load();
    for (name, device) in devices() {
        // The fixture's statistics and affine parameters are random; the others' keep what a step
        // of training leaves.
        let trained = (arch(16), load(&fixture, "a", 16, &device));
        let others = ["wrn-10-2", "wrn-40-1"].map(|name| {
            let normalisation = Some([[0.4; 3], [0.3; 3]]);
            let arch = Arch { normalisation, ..Arch::new(name, 7) };
            let mut network = arch.init(Seed(3), &device).expect("it exists");
            network.forward_train(fixture.tensor("images", &device));
            (arch, network)
        });
        for (arch, network) in [trained].into_iter().chain(others) {
            let images: Tensor<4> = fixture.tensor("images", &device);
            let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
            let frozen = weights::frozen(&arch, &arrays, &device).expect("it fits");
            let plain = network.forward(images.clone());
            let frozen = frozen.forward(images);
            let arch = &arch.name;
            close(&values(frozen.logits), &values(plain.logits), FOLDED, &format!("{name} {arch}"));
            for (i, (f, p)) in frozen.features.into_iter().zip(plain.features).enumerate() {
                let [f, p] = [f, p].map(Maps::into_tensor);
                close(&values(f), &values(p), FOLDED, &format!("{name} {arch} feature {i}"));
            }
        }
    }
}

#[test]
fn nad_losses_and_gradients() {
    let fixture = Fixture::load();
    for (name, device) in devices() {
        let autodiff = device.clone().autodiff();
        let teacher = load(&fixture, "d", 10, &device);
        let teacher = lift(teacher.forward(fixture.tensor("images", &device)));
        let labels: Vec<i32> = fixture.get("labels").values.iter().map(|v| *v as i32).collect();
        for (form, key, beta) in [(Form::Paper, "paper", 2.0), (Form::Code, "code", 1000.0)] {
            for operator in OPERATORS {
                let what = format!("{name} {key} {operator}");
                let mut student = load(&fixture, "c", 10, &autodiff);
                let output = student.forward_train(fixture.tensor("images", &autodiff));
                let data = TensorData::new(labels.clone(), [labels.len()]);
                let labels: Tensor<1, Int> = Tensor::from_data(data, &autodiff);
                let objective =
                    Nad { form, operator: Operator::named(operator).expect("listed"), beta };
                let loss = objective.loss(&ObjectiveInput {
                    student: &output,
                    teacher: Some(&teacher),
                    labels,
                    auxiliary: &Tracked::new(),
                });
                let want = format!("want.{key}.{operator}");
                close(
                    &values(loss.total.clone().inner()),
                    &fixture.get(&format!("{want}.loss")).values,
                    FORWARD,
                    &what,
                );
                let terms: Vec<f32> =
                    loss.parts[1..].iter().flat_map(|(_, t)| values(t.clone().inner())).collect();
                close(&terms, &fixture.get(&format!("{want}.terms")).values, FORWARD, &what);
                if operator == "sum2" {
                    let gradients = loss.total.backward();
                    let wanted = fixture.part(&format!("{want}.grad"));
                    let found = parameters::gradients(&student, &gradients);
                    assert_eq!(found.len(), wanted.len(), "{what}: every parameter has one");
                    for (parameter, gradient) in found {
                        let what = format!("{what}, gradient of {parameter}");
                        close(&values(gradient), &wanted[&parameter].values, GRADIENT, &what);
                    }
                }
            }
        }
    }
}

/// Activations that are zero everywhere: their map's gradient is 0, not NaN. Raw activations are no map.
#[test]
fn maps_are_safe_at_zero() {
    let device = burn::tensor::Device::flex().autodiff();
    for operator in Operator::ALL.iter().copied().filter(|operator| *operator != Operator::Raw) {
        let name = operator.name();
        let zero = Tensor::<4>::zeros([2, 3, 4, 4], &device).require_grad();
        let map = operator.map(zero.clone()).flatten(1, -1);
        let normal = unstamp_shared::attention::normalised(map.clone());
        let length = unstamp_shared::attention::norm(map);
        let gradients = (normal.sum() + length.sum()).backward();
        let found = values(zero.grad(&gradients).expect("tracked"));
        assert!(found.iter().all(|v| *v == 0.0), "{name}: {found:?}");
    }
}
