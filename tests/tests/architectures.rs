//! The families of networks against PyTorch (`fixtures/networks.py`), and what must hold of each.

use burn::tensor::{Device, Tensor};
use std::sync::Arc;
use unstamp_shared::job::{Augment, Job, Phase, Schedule, Training};
use unstamp_shared::model::parameters::gradients;
use unstamp_shared::model::weights::{Arrays, arrays, frozen, network};
use unstamp_shared::model::{Arch, FAMILIES, Value, architectures};
use unstamp_shared::objectives::{CrossEntropy, Objective, Seen, Tracked};
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, close, devices, values};

/// f32 sums in another order, through up to 19 layers.
const FORWARD: f32 = 1e-4;
/// The same, backward: the batch statistics of four images divide small differences.
const GRADIENT: f32 = 5e-3;
/// Rounding of the first step grows through the next two.
const STEPS: f32 = 2e-2;
/// Folding multiplies weights by up to `1 / sqrt(var)` before the sums instead of after.
const FOLDED: f32 = 5e-5;

/// Small networks that the fixture holds.
const SMALL: [&str; 2] = ["preact-resnet18-4", "vgg19-bn-2"];

fn arch(name: &str, classes: usize) -> Arch {
    Arch { name: name.to_string(), classes, normalisation: None }
}

/// The fixture's arrays of a network: its weights, and PyTorch's numbers.
fn fixture(name: &str) -> (Arrays, Fixture) {
    let all = Fixture::named("networks.safetensors").0;
    let own = |key: &String| Some(key.strip_prefix(name)?.strip_prefix('/')?.to_string());
    let all = all.iter().filter_map(|(key, array)| Some((own(key)?, array.clone())));
    let (want, weights): (Arrays, Arrays) = all.partition(|(key, _)| key.starts_with("want."));
    (weights, Fixture(want))
}

/// The norm, and the sum of element `i` times `cos(i)`.
fn two(values: &[f32]) -> [f32; 2] {
    let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let product = values.iter().enumerate().map(|(i, v)| f64::from(*v) * (i as f64).cos());
    [norm as f32, product.sum::<f64>() as f32]
}

/// Asserts that both numbers of [`two`] agree within `tolerance` times the norm.
fn agree(found: &[f32], wanted: &[f32], tolerance: f32, what: &str) {
    // A gradient that is 0 by definition, such as that of a bias before a normalisation, is rounding.
    let most = tolerance * wanted[0] + 1e-5;
    for (found, wanted) in two(found).iter().zip(wanted) {
        let off = (found - wanted).abs();
        assert!(off <= most, "{what}: {found} is not {wanted} (may differ by {most})");
    }
}

#[test]
fn outputs_and_features_agree_with_pytorch() {
    let images = Fixture::load();
    for (device_name, device) in devices() {
        for name in SMALL {
            let (weights, want) = fixture(name);
            let arch = arch(name, 10);
            let images: Tensor<4> = images.tensor("images", &device);
            let plain = network(&arch, &weights, &device).expect("it fits").forward(images.clone());
            let folded = frozen(&arch, &weights, &device).expect("it fits").forward(images);
            for (what, output) in [("plain", plain), ("frozen", folded)] {
                let what = format!("{device_name} {name} {what}");
                let logits = &want.get("want.logits").values;
                close(&values(output.logits), logits, FORWARD, &format!("{what} logits"));
                let taps = want.0.keys().filter(|key| key.starts_with("want.feature")).count();
                assert_eq!(output.features.len(), taps, "{what}");
                for (i, feature) in output.features.into_iter().enumerate() {
                    let wanted = &want.get(&format!("want.feature{i}")).values;
                    close(&values(feature), wanted, FORWARD, &format!("{what} feature {i}"));
                }
            }
        }
    }
}

#[test]
fn gradients_agree_with_pytorch() {
    let images = Fixture::load();
    let device = Device::flex().autodiff();
    for name in SMALL {
        let (weights, want) = fixture(name);
        let mut net = network(&arch(name, 10), &weights, &device).expect("it fits");
        let output = net.forward_train(images.tensor("images", &device));
        let labels = unstamp_shared::model::labels(&images.four(), &[0, 1, 2, 3], &device);
        let auxiliary = Tracked::new();
        let seen = Seen { student: &output, teacher: None, labels, auxiliary: &auxiliary };
        let all = CrossEntropy.loss(&seen).total.backward();
        let found = gradients(&net, &all);
        let wanted = want.part("want.gradient");
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (parameter, gradient) in found {
            let what = format!("{name}, gradient of {parameter}");
            agree(&values(gradient), &wanted[&parameter].values, GRADIENT, &what);
        }
    }
}

#[test]
fn three_steps_agree_with_pytorch() {
    let images = Fixture::load();
    for name in SMALL {
        let (weights, want) = fixture(name);
        // A batch holds all four images, so the shuffled order changes nothing but rounding.
        let training = Training {
            epochs: 3,
            batch: 4,
            lr: 0.01,
            schedule: Schedule::Constant,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 1e-4,
            augment: Augment::default(),
        };
        let phases = vec![Phase::train("train", Arc::new(CrossEntropy), training)];
        let data = Arc::new(images.four());
        let (key, device) = (name.to_string(), Device::flex());
        let job = Job::new(key, arch(name, 10), weights.clone(), phases, data, Seed(0), device);
        let mut job = job.expect("there are images");
        while pollster::block_on(job.next()).expect("a finite loss").is_some() {}
        let trained = job.result().expect("it ended");
        for (parameter, wanted) in want.part("want.steps") {
            let before = &weights[&parameter].values;
            let after = &trained[&parameter].values;
            let change: Vec<f32> = after.iter().zip(before).map(|(a, b)| a - b).collect();
            agree(&change, &wanted.values, STEPS, &format!("{name}, steps of {parameter}"));
        }
    }
}

#[test]
fn networks_have_the_published_numbers_of_parameters() {
    let sizes = Fixture::named("networks.safetensors");
    for (name, classes) in [("preact-resnet18", 10), ("preact-resnet18", 43), ("vgg19-bn", 10)] {
        let description = arch(name, classes).describe().expect("a known name");
        let trained = description.parameters().into_iter();
        let trained = trained.filter(|p| p.role == unstamp_shared::model::Role::Trained);
        let count: usize = trained.map(|p| p.shape.iter().product::<usize>()).sum();
        let wanted = sizes.get(&format!("{name}/parameters.{classes}")).values[0];
        // VGG19's 140 million are rounded to a multiple of 16 in f32.
        assert!((count as f64 - f64::from(wanted)).abs() < 16.0, "{name}: {count}, not {wanted}");
    }
}

/// Frozen and plain networks of every family, with normalised input, on images that are not square.
#[test]
fn every_family_computes_on_images_of_any_shape() {
    let device = Device::flex();
    assert!(architectures().count() >= FAMILIES.len());
    for name in ["wrn-10-1", "wrn-10-2", "preact-resnet18-2", "vgg19-bn-1"] {
        let normalisation = Some([[0.4; 3], [0.3; 3]]);
        let arch = Arch { name: name.into(), classes: 7, normalisation };
        let description = arch.describe().expect("a known name");
        let mut net = arch.init(Seed(3), &device).expect("a known name");
        let count = 2 * 3 * 64 * 48;
        let pixels: Vec<f32> = (0..count).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
        let data = burn::tensor::TensorData::new(pixels, [2, 3, 64, 48]);
        let images = Tensor::<4>::from_data(data, &device);
        net.forward_train(images.clone());
        let weights = pollster::block_on(arrays(&net)).expect("readable");
        let plain = net.forward(images.clone());
        let folded = frozen(&arch, &weights, &device).expect("it fits").forward(images);
        close(&values(folded.logits), &values(plain.logits), FOLDED, name);
        let pairs = folded.features.into_iter().zip(plain.features);
        for ((folded, plain), tap) in pairs.zip(&description.taps) {
            let [_, channels, height, width] = plain.dims();
            let tap = Value::Layer(*tap);
            assert_eq!((height, width), description.size_of(tap, (64, 48)), "{name}");
            assert_eq!(channels, description.channels_of(tap), "{name}");
            close(&values(folded), &values(plain), FOLDED, name);
        }
    }
}
