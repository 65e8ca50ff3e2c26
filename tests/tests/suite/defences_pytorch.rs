//! Every defence against PyTorch (`fixtures/defences.py`).

use crate::architectures::{LIFT, TINY, split};
use burn::tensor::{Device, Int, Tensor, TensorData};
use unstamp_shared::attention::Operator;
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::job::lift;
use unstamp_shared::model::weights::{Array, Arrays, gradient_norms, network};
use unstamp_shared::model::{Arch, Output, parameters};
use unstamp_shared::objectives::{
    Argd, Behaviour, Divergence, Embedder, Form, Layers, Loss, Nad, Objective, ObjectiveInput,
    Reading, Representation, Scale, Tracked,
};
use unstamp_tests::defend::{arch, begun_with, defended, ended, short};
use unstamp_tests::{Fixture, close, devices, lifted, values};

/// f32 sums in another order, and squares of small differences of unit vectors.
const LOSS: f32 = 5e-4;
/// The same, backward: the batch statistics of 4 images divide small differences.
const GRADIENT: f32 = 5e-3;
/// Change of a tensor over up to six steps, as a share of its norm. A relative noise of 3e-6 in the
/// weights changes PyTorch's own by at most 7e-3 (3 draws for each network and defence).
const CHANGE: f32 = 2e-2;
/// The same for NBA with a network of 18 layers or more: noise turns signs of its attack, and the large
/// gradients of the distances enlarge that. Under the same noise the change differs by at most 3.4e-2.
const CHANGE_OF_NBA: f32 = 0.1;
/// Of weights near 1, some hundred of them, in f32.
const ROUNDING: f32 = 2e-6;

type Distances<'a> = Box<dyn Fn(&Output, &Output, Tensor<1, Int>) -> Loss + 'a>;

/// Behaviour as an objective with NBA's weights, as the fixture has it.
fn aligned(behaviour: Behaviour, weights: [f32; 3]) -> Distances<'static> {
    Box::new(move |teacher, student, labels| {
        let terms = [
            behaviour.response(teacher, student),
            behaviour.learning(teacher, student),
            behaviour.prediction(teacher, student),
        ];
        let terms = terms.map(|term| term.mean().reshape([1]));
        let plain = unstamp_shared::objectives::CrossEntropy;
        let Loss { mut total, mut parts } = plain.loss(&ObjectiveInput {
            student,
            teacher: Some(teacher),
            labels,
            auxiliary: &Tracked::new(),
        });
        for (weight, term) in weights.into_iter().zip(terms) {
            total = total + term.clone() * weight;
            parts.push(("behaviour", term));
        }
        Loss { total, parts }
    })
}

fn objective(objective: impl Objective + 'static) -> Distances<'static> {
    Box::new(move |teacher, student, labels| {
        objective.loss(&ObjectiveInput {
            student,
            teacher: Some(teacher),
            labels,
            auxiliary: &Tracked::new(),
        })
    })
}

/// Losses by their names in the fixture.
fn losses() -> Vec<(&'static str, Distances<'static>)> {
    let usual = Behaviour { layers: Layers::Groups, ..Behaviour::default() };
    let nad = |operator| objective(Nad { form: Form::Paper, operator, beta: 2.0 });
    let all = [2.0, 2.0, 0.1];
    vec![
        ("nad_sum4", nad(Operator::Sum4)),
        ("nad_raw", nad(Operator::Raw)),
        (
            "argd",
            objective(Argd { node: 1.0, edge: 1.0, embedding: 1.0, embedder: Embedder::Fixed }),
        ),
        ("nba", aligned(usual.clone(), all)),
        ("nba_unit", aligned(Behaviour { scale: Scale::Unit, ..usual.clone() }, all)),
        (
            "nba_printed",
            aligned(Behaviour { scale: Scale::Printed, ..usual.clone() }, [2.0, 0.0, 0.1]),
        ),
        (
            "nba_elementwise",
            aligned(Behaviour { reading: Reading::Elementwise, ..usual.clone() }, all),
        ),
        (
            "nba_feature",
            aligned(Behaviour { behaviour: Representation::Feature, ..usual.clone() }, all),
        ),
        ("nba_kl", aligned(Behaviour { divergence: Divergence::Kl, ..usual.clone() }, all)),
    ]
}

/// Compares a gradient with what the fixture holds of it: norm, largest magnitude, four values.
fn agree(gradient: &[f32], wanted: &[f32], what: &str) {
    let squares: f64 = gradient.iter().map(|v| f64::from(*v).powi(2)).sum();
    close(&[squares.sqrt() as f32], &wanted[..1], GRADIENT, &format!("{what}, norm"));
    let places = [0, gradient.len() / 3, 2 * gradient.len() / 3, gradient.len() - 1];
    for (place, wanted_value) in places.into_iter().zip(&wanted[2..]) {
        let off = (gradient[place] - wanted_value).abs();
        let most = GRADIENT * wanted[1];
        assert!(off <= most, "{what}[{place}]: {} is not {wanted_value}", gradient[place]);
    }
}

#[test]
fn losses_and_gradients_agree_with_pytorch() {
    let nets = Fixture::load();
    let want = Fixture::named("defences.safetensors");
    for (device_name, device) in devices() {
        let autodiff = device.clone().autodiff();
        let teacher = network(&arch(), &nets.part("d"), &device).expect("the fixture fits");
        let teacher = lift(teacher.forward(nets.tensor("images", &device)));
        let labels: Vec<i32> = nets.get("labels").values.iter().map(|v| *v as i32).collect();
        for (name, loss) in losses() {
            let what = format!("{device_name} {name}");
            let mut student = network(&arch(), &nets.part("c"), &autodiff).expect("it fits");
            let output = student.forward_train(nets.tensor("images", &autodiff));
            let labels = TensorData::new(labels.clone(), [labels.len()]);
            let Loss { total, parts } =
                loss(&teacher, &output, Tensor::from_data(labels, &autodiff));
            let wanted = &want.get(&format!("loss.{name}")).values;
            assert_eq!(parts.len() - 1, wanted.len(), "{what}");
            for ((_, part), wanted) in parts[1..].iter().zip(wanted) {
                close(&values(part.clone().inner()), &[*wanted], LOSS, &what);
            }
            let gradients = total.backward();
            let wanted = want.part(&format!("gradient.{name}"));
            let found = parameters::gradients(&student, &gradients);
            assert_eq!(found.len(), wanted.len(), "{what}: every parameter has a gradient");
            for (parameter, gradient) in found {
                let what = format!("{what}, gradient of {parameter}");
                agree(&values(gradient), &wanted[&parameter].values, &what);
            }
        }
    }
}

/// A victim of every family by the name of its architecture, the WideResNet first.
fn victims() -> Vec<(&'static str, Arrays)> {
    let wrn = Fixture::load().part("c");
    let others = Fixture::named("networks.safetensors");
    let mut victims = vec![("wrn-10-1", wrn)];
    victims.extend(TINY.map(|name| (name, split(&others, name).0)));
    victims.into_iter().map(|(name, victim)| (name, lifted(victim, LIFT))).collect()
}

/// Compares what a defence changed with its outcome in the fixture: for every tensor, in the order of
/// their names, the norm of the change and the change's product with cos(0), cos(1), ...
fn ends_there(result: &Arrays, victim: &Arrays, wanted: &Array, tolerance: f32, what: &str) {
    assert_eq!(wanted.shape, [result.len(), 2], "{what}");
    for ((name, array), wanted) in result.iter().zip(wanted.values.chunks_exact(2)) {
        let pairs = array.values.iter().zip(&victim[name].values);
        let change: Vec<f64> = pairs.map(|(a, b)| f64::from(a - b)).collect();
        let norm = change.iter().map(|c| c * c).sum::<f64>().sqrt();
        let product: f64 = change.iter().enumerate().map(|(i, c)| c * (i as f64).cos()).sum();
        let most = tolerance * wanted[0] + ROUNDING;
        for (found, wanted) in [norm as f32, product as f32].iter().zip(wanted) {
            let off = (found - wanted).abs();
            assert!(off <= most, "{what} {name}: {found} is not {wanted} (may differ {most})");
        }
    }
}

#[test]
fn every_defence_ends_where_pytorch_does() {
    let four = Fixture::load().four();
    let want = Fixture::named("defences.safetensors");
    for (network, victim) in victims() {
        for id in DEFENCES.iter().map(|defence| defence.method().id) {
            let job =
                begun_with(Arch::new(network, 10), id, &short(id), victim.clone(), four.clone());
            let job = ended(job);
            let wrn = network.starts_with("wrn");
            let tolerance = if id == "nba" && !wrn { CHANGE_OF_NBA } else { CHANGE };
            let wanted = want.get(&format!("outcome.{network}.{id}"));
            let what = format!("{network} {id}");
            ends_there(job.result().expect("it ended"), &victim, wanted, tolerance, &what);
        }
    }
}

/// Settings that are not the default, by the name of the outcome in the fixture.
const VARIANTS: [(&str, &str, &[&str]); 6] = [
    ("fine_prune_channel", "fine_prune", &["prune=channel"]),
    ("argd_trained", "argd", &["embedder=trained"]),
    ("fine_tune_decay", "fine_tune", &["weight_decay=0.1"]),
    ("mcr_decay", "mcr", &["weight_decay=0.1"]),
    ("mcr_chain", "mcr", &["curve=chain"]),
    ("nad_code", "nad", &["form=code", "nesterov=on"]),
];

#[test]
fn defences_with_other_settings_end_where_pytorch_does() {
    let four = Fixture::load().four();
    let want = Fixture::named("defences.safetensors");
    let (network, victim) = victims().remove(0);
    for (case, id, more) in VARIANTS {
        let set = [&short(id), more].concat();
        let job = defended(id, &set, victim.clone(), four.clone());
        let wanted = want.get(&format!("outcome.{network}.{case}"));
        ends_there(job.result().expect("it ended"), &victim, wanted, CHANGE, case);
    }
}

#[test]
fn auxiliary_parameters_of_mesa_agree_with_pytorch() {
    let want = Fixture::named("defences.safetensors");
    let (_, victim) = victims().remove(0);
    let job = defended("mesa", &short("mesa"), victim, Fixture::load().four());
    let all = want.part("mesa.own");
    assert_eq!(all.len(), 5);
    for (name, array) in all {
        let (phase, parameter) = name.split_once('.').expect("phase and name");
        let output = &job.outputs()[phase.parse::<usize>().expect("a number")];
        let found = &output.auxiliary.parameters().expect("learned")[parameter].values;
        let (first, last) = array.values.split_at(found.len());
        let far = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        };
        // Adam's first steps are signs of gradients; few of them are near enough to 0 to turn.
        let off = far(found, last);
        let way = far(first, last);
        assert!(off < 0.05 * way, "{name}: {off} from PyTorch's after a way of {way}");
    }
}

#[test]
fn distillation_from_itself_has_no_gradient() {
    let nets = Fixture::load();
    for (name, loss) in losses() {
        let device = Device::flex().autodiff();
        let mut student = network(&arch(), &nets.part("c"), &device).expect("it fits");
        let output = student.forward_train(nets.tensor("images", &device));
        let teacher = Output {
            logits: output.logits.clone().detach(),
            features: output.features.iter().map(|f| f.clone().detach()).collect(),
            pooled: output.pooled.clone().detach(),
        };
        let labels = Tensor::from_data(TensorData::new(vec![0i32; 4], [4]), &device);
        let loss = loss(&teacher, &output, labels);
        // Without the cross entropy. The gradient of the other terms is 0 up to rounding. The embedding
        // compares every two layers, so its gradient is not 0.
        let skip = if name == "argd" { 1 } else { 0 };
        let kept = loss.parts.len() - skip;
        let terms = loss.parts.into_iter().take(kept).skip(1).map(|(_, term)| term);
        let total = terms.reduce(|a, b| a + b).expect("terms");
        let norms = gradient_norms(&student, &total.backward());
        for norm in norms.into_iter().flat_map(values) {
            assert!(norm < 1e-4, "{name}: the gradient is {norm}");
        }
    }
}
