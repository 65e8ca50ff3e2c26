//! Every family of networks: PyTorch's numbers (`fixtures/networks.py`), the frozen form, names and
//! shapes of the weights, and images that are not square. `browser/onnx.test.mjs` has the ONNX files.

use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::Arc;
use unstamp_shared::job::{Augment, Event, Job, Phase, Schedule, Training};
use unstamp_shared::model::weights::{self, Array, Arrays, from_bytes};
use unstamp_shared::model::{Arch, FAMILIES, Features, Maps, Role, Value, parameters};
use unstamp_shared::objectives::{CrossEntropy, Objective, ObjectiveInput, Tracked};
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, close, devices, lifted, values};

/// f32 sums in another order, through up to 19 layers.
const FORWARD: f32 = 1e-4;

/// The same, backward. The batch statistics of VGG's last stage come from four images of 2x2 cells.
const GRADIENT: f32 = 2e-3;

/// PyTorch's own three steps change by at most 4e-4 in double precision, and by at most 1e-3 under a
/// relative noise of 1e-5 in the weights, which is the rounding of Winograd's tiles (10 draws for each
/// network). A momentum of 0.89 instead of 0.9 changes them by 7e-3, a tenth more weight decay by 0.1.
const STEPS: f32 = 2e-3;

/// Offset of the shifts of normalisations before several steps, so that few values lie where rounding
/// moves them over the kink of ReLU (`lifted` in `fixtures/lift.py`).
pub const LIFT: f32 = 1.5;

/// Folding multiplies weights by up to `1 / sqrt(var)` before the sums instead of after: rounding.
const FOLDED: f32 = 1e-4;

/// Networks of the fixture, one of each family but WRN, which `parity.rs` covers.
pub const TINY: [&str; 2] = ["preact-resnet18-4", "vgg19-bn-2"];

/// A small network of each family.
const SMALL: [&str; 3] = ["wrn-10-1", "preact-resnet18-2", "vgg19-bn-1"];

fn arch(name: &str, classes: usize) -> Arch {
    Arch::new(name, classes)
}

/// The weights of a network of the fixture, and PyTorch's answers.
pub fn split(fixture: &Fixture, name: &str) -> (Arrays, Fixture) {
    let mut weights = fixture.part(name);
    let wanted = Fixture(weights.clone()).part("want");
    weights.retain(|key, _| !key.starts_with("want."));
    (weights, Fixture(wanted))
}

/// Every family has a network in these tests.
#[test]
fn every_family_is_tested() {
    assert_eq!(FAMILIES.len(), SMALL.len());
    for (family, name) in FAMILIES.iter().zip(SMALL) {
        assert!(family.describe(name, 3, 10).is_some(), "{} is not {}", name, family.form());
    }
}

#[test]
fn logits_and_features_are_those_of_pytorch() {
    let images = Fixture::load();
    let fixture = Fixture::named("networks.safetensors");
    for (device_name, device) in devices() {
        for name in TINY {
            let what = format!("{device_name} {name}");
            let (arrays, want) = split(&fixture, name);
            let network = weights::network(&arch(name, 10), &arrays, &device).expect("it fits");
            let output = network.forward(images.tensor("images", &device));
            let logits = &want.get("logits").values;
            close(&values(output.logits), logits, FORWARD, &format!("{what} logits"));
            for (index, feature) in output.features.into_iter().enumerate() {
                let what = format!("{what} feature {index}");
                let found = values(feature.into_tensor());
                let step = (found.len() / 256).max(1);
                let some: Vec<f32> = found.iter().copied().step_by(step).collect();
                close(&some, &want.get(&format!("feature{index}.values")).values, FORWARD, &what);
                let norm = &want.get(&format!("feature{index}.norm")).values;
                close(&[length(&found)], norm, FORWARD, &what);
            }
        }
    }
}

/// Euclidean length of a list.
fn length(values: &[f32]) -> f32 {
    values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32
}

/// Asserts that every array has the norm and the first values of its summary.
///
/// The bias of a convolution before a normalisation has no effect, so its gradient is rounding alone.
/// Hence no array is compared more closely than a thousandth of the largest norm allows.
fn summaries(found: &Arrays, wanted: &Arrays, tolerance: f32, what: &str) {
    let largest = wanted.values().map(|a| a.values[0]).fold(0.0, f32::max);
    assert_eq!(found.len(), wanted.len(), "{what}: as many arrays");
    for (name, want) in wanted {
        let values = &found.get(name).unwrap_or_else(|| panic!("{what}: no {name}")).values;
        let scale = want.values[0].max(largest * 1e-3);
        let first = values.iter().copied().take(want.values.len() - 1);
        for (f, w) in std::iter::once(length(values)).chain(first).zip(&want.values) {
            let off = (f - w).abs() / scale;
            assert!(
                off <= tolerance,
                "{what} {name}: {f} is not {w} (off by {off:.2e} of {scale})"
            );
        }
    }
}

#[test]
fn gradients_are_those_of_pytorch() {
    let images = Fixture::load();
    let fixture = Fixture::named("networks.safetensors");
    for (device_name, device) in devices() {
        let device = device.autodiff();
        for name in TINY {
            let (arrays, want) = split(&fixture, name);
            let mut network = weights::network(&arch(name, 10), &arrays, &device).expect("it fits");
            let output = network.forward_train(images.tensor("images", &device));
            let labels: Vec<i32> = images.get("labels").values.iter().map(|v| *v as i32).collect();
            let labels: Tensor<1, Int> = Tensor::from_data(TensorData::new(labels, [4]), &device);
            let auxiliary = &Tracked::new();
            let seen = ObjectiveInput { student: &output, teacher: None, labels, auxiliary };
            let gradients = CrossEntropy.loss(&seen).total.backward();
            let found: Arrays = parameters::gradients(&network, &gradients)
                .into_iter()
                .map(|(name, gradient)| (name, gradient.inner()))
                .map(|(name, gradient)| (name, Array { shape: vec![], values: values(gradient) }))
                .collect();
            let what = format!("{device_name} {name} gradient of");
            summaries(&found, &want.part("gradient"), GRADIENT, &what);
        }
    }
}

/// The features of blocks contain those of the groups, and the logits are the same.
#[test]
fn features_of_blocks_contain_those_of_groups() {
    for (device_name, device) in devices() {
        let images: Tensor<4> = Fixture::load().tensor("images", &device);
        for name in ["wrn-16-1", "preact-resnet18-4"] {
            let groups = Arch::new(name, 10);
            let blocks = Arch { features: Features::Blocks, ..groups.clone() };
            let drawn = groups.init(Seed(1), &device).expect("a known name");
            let arrays = pollster::block_on(weights::arrays(&drawn)).expect("readable");
            let outputs = |arch: &Arch| {
                let trainable = weights::network(arch, &arrays, &device).expect("they fit");
                let frozen = weights::frozen(arch, &arrays, &device).expect("they fit");
                [trainable.forward(images.clone()), frozen.forward(images.clone())]
            };
            for (one, other) in outputs(&groups).into_iter().zip(outputs(&blocks)) {
                let what = format!("{device_name} {name}");
                assert_eq!(other.features.len(), 2 * one.features.len(), "{what}");
                let ends = other.features.into_iter().skip(1).step_by(2);
                for (found, wanted) in ends.zip(one.features) {
                    let [found, wanted] = [found, wanted].map(Maps::into_tensor);
                    close(&values(found), &values(wanted), FOLDED, &what);
                }
                close(&values(other.logits), &values(one.logits), FOLDED, &what);
            }
        }
    }
}

/// How much three steps of SGD change every array.
fn changes(name: &str, start: &Arrays) -> Arrays {
    let training = Training {
        epochs: 3,
        batch: 4,
        lr: 0.003,
        schedule: Schedule::Constant,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.01,
        augment: Augment::default(),
    };
    let phases = vec![Phase::train("train", Arc::new(CrossEntropy), training)];
    let data = Arc::new(Fixture::load().four());
    let device = Device::flex();
    let job = Job::new(name.into(), arch(name, 10), start.clone(), phases, data, Seed(0), device);
    let mut job = job.expect("there are images");
    let mut steps = 0;
    while steps < 3 {
        let event = pollster::block_on(job.next()).expect("a finite loss");
        steps += usize::from(matches!(event, Some(Event::Step { .. })));
    }
    let saved = pollster::block_on(job.save()).expect("saved");
    let (state, _) = from_bytes::<serde_json::Value>(&saved).expect("readable");
    let change = |(key, before): (&String, &Array)| {
        let after = &state[&format!("student/{key}")].values;
        let values = after.iter().zip(&before.values).map(|(a, b)| a - b).collect();
        (key.clone(), Array { shape: before.shape.clone(), values })
    };
    start.iter().map(change).collect()
}

#[test]
fn three_steps_change_the_weights_as_in_pytorch() {
    let fixture = Fixture::named("networks.safetensors");
    for name in TINY {
        let (arrays, want) = split(&fixture, name);
        let found = changes(name, &lifted(arrays, LIFT));
        summaries(&found, &want.part("step"), STEPS, &format!("{name} change of"));
    }
}

#[test]
fn a_frozen_network_gives_the_same_answers() {
    let images = Fixture::load();
    let fixture = Fixture::named("networks.safetensors");
    for (device_name, device) in devices() {
        for name in TINY {
            let (arrays, _) = split(&fixture, name);
            let arch = Arch { normalisation: Some([[0.4; 3], [0.3; 3]]), ..arch(name, 10) };
            let network = weights::network(&arch, &arrays, &device).expect("it fits");
            let frozen = weights::frozen(&arch, &arrays, &device).expect("it fits");
            let plain = network.forward(images.tensor("images", &device));
            let frozen = frozen.forward(images.tensor("images", &device));
            let what = format!("{device_name} {name}");
            close(&values(frozen.logits), &values(plain.logits), FOLDED, &what);
            assert_eq!(frozen.features.len(), plain.features.len(), "{what}");
            for (index, (f, p)) in frozen.features.into_iter().zip(plain.features).enumerate() {
                let [f, p] = [f, p].map(Maps::into_tensor);
                close(&values(f), &values(p), FOLDED, &format!("{what} feature {index}"));
            }
        }
    }
}

#[test]
fn every_network_has_as_many_parameters_as_its_paper_says() {
    let wanted = [
        ("wrn-16-1", 10, 175_066),
        ("preact-resnet18", 10, 11_171_146),
        ("preact-resnet18", 43, 11_188_075),
        ("vgg19-bn", 10, 139_622_218),
    ];
    for (name, classes, count) in wanted {
        let description = arch(name, classes).describe().expect("it exists");
        let trained = description.parameters().into_iter().filter(|p| p.role == Role::Trained);
        let found: usize = trained.map(|p| p.shape.iter().product::<usize>()).sum();
        assert_eq!(found, count, "{name} with {classes} classes");
    }
}

/// PyTorch wrote the fixture, so its names and shapes are PyTorch's.
#[test]
fn names_and_shapes_are_those_of_pytorch() {
    let fixture = Fixture::named("networks.safetensors");
    for name in TINY {
        let (arrays, _) = split(&fixture, name);
        let description = arch(name, 10).describe().expect("it exists");
        let mut found: Vec<_> =
            description.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
        found.sort();
        let mut wanted: Vec<_> = arrays.into_iter().map(|(key, a)| (key, a.shape)).collect();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn images_with_any_number_of_channels_give_the_same_answers_frozen() {
    let device = Device::flex();
    for (name, channels) in SMALL.into_iter().flat_map(|name| [(name, 1), (name, 5)]) {
        let arch = Arch { channels, ..arch(name, 4) };
        let shape = [3, channels, 32, 32];
        let mut random = Seed(5).stream("images", &[]);
        let drawn = (0..shape.iter().product()).map(|_| random.unit()).collect();
        let images = Tensor::<4>::from_data(TensorData::new(drawn, shape), &device);
        let mut network = arch.init(Seed(1), &device).expect("it exists");
        network.forward_train(images.clone());
        let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
        let frozen = weights::frozen(&arch, &arrays, &device).expect("it fits");
        let wanted = values(network.forward(images.clone()).logits);
        let what = format!("{name} with {channels} channels");
        close(&values(frozen.forward(images).logits), &wanted, FOLDED, &what);
    }
}

#[test]
fn images_that_are_not_square_give_the_sizes_of_the_description() {
    let device = Device::flex();
    for name in SMALL {
        let network = arch(name, 5).init(Seed(1), &device).expect("it exists");
        let output = network.forward(Tensor::ones([2, 3, 64, 48], &device));
        assert_eq!(output.logits.dims(), [2, 5], "{name}");
        let description = network.description();
        assert_eq!(output.features.len(), description.taps.len(), "{name}");
        for (feature, tap) in output.features.iter().zip(&description.taps) {
            let value = Value::Layer(*tap);
            let (height, width) = description.size_of(value, (64, 48));
            let wanted = [2, description.channels_of(value), height, width];
            assert_eq!(feature.dims(), wanted, "{name} layer {tap}");
        }
    }
}
