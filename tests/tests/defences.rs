//! Every defence against PyTorch (`fixtures/defences.py`), and what must hold of each.

use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::Arc;
use unstamp_shared::attention::Operator;
use unstamp_shared::datasets::{Split, signs};
use unstamp_shared::defences::{DEFENCES, Given, Knows, defence, phases};
use unstamp_shared::evaluate::accuracy;
use unstamp_shared::job::{Job, lift};
use unstamp_shared::method::Values;
use unstamp_shared::model::weights::{Arrays, arrays, gradient_norms, network};
use unstamp_shared::model::{Arch, Output, parameters};
use unstamp_shared::objectives::{
    Argd, Behaviour, Form, Loss, Nad, Objective, Reading, Scale, Seen, Tracked,
};
use unstamp_shared::poison::{Trigger, TriggerRecord, sign_trigger};
use unstamp_shared::seed::Seed;
use unstamp_tests::{Fixture, close, devices, values};

/// f32 sums in another order, and squares of small differences of unit vectors.
const LOSS: f32 = 5e-4;
/// The same, backward: the batch statistics of 4 images divide small differences.
const GRADIENT: f32 = 5e-3;
/// Change of a tensor over up to six steps, as a share of its norm: rounding of the first step grows
/// through the next, and a sign of NBA's attack may turn.
const CHANGE: f32 = 2e-2;
/// Of weights near 1, some hundred of them, in f32.
const ROUNDING: f32 = 2e-6;

fn arch() -> Arch {
    Arch { name: "wrn-10-1".into(), classes: 10, normalisation: None }
}

fn resolved(id: &str, pairs: &[&str]) -> Values {
    let set = Values::parse(pairs.iter().copied()).expect("pairs");
    set.resolve(&defence(id).expect("listed").params()).expect("sound")
}

fn badnets() -> Trigger {
    let record =
        TriggerRecord { attack: "badnets".into(), set: Values::default(), target: 0, seed: 0 };
    sign_trigger(&record, 10).expect("sound")
}

/// A defence about to begin with `victim`.
fn begun(id: &str, set: &[&str], victim: Arrays, data: Split) -> Job {
    let (method, values, trigger) = (defence(id).expect("listed"), resolved(id, set), badnets());
    let (images, trigger) = (data.len(), Some(&trigger));
    let phases = phases(method, Given { values: &values, images, flip: false, trigger });
    let (data, device) = (Arc::new(data), Device::flex());
    Job::new(id.into(), arch(), victim, phases, data, Seed(0), device).expect("images")
}

/// Runs a defence from `victim` to its end; gives the job.
fn defended(id: &str, set: &[&str], victim: Arrays, data: Split) -> Job {
    let mut job = begun(id, set, victim, data);
    while pollster::block_on(job.next()).expect("a finite loss").is_some() {}
    job
}

type Distances<'a> = Box<dyn Fn(&Output, &Output, Tensor<1, Int>) -> Loss + 'a>;

/// Behaviour as an objective with NBA's weights, as the fixture has it.
fn aligned(behaviour: Behaviour, weights: [f32; 3]) -> Distances<'static> {
    Box::new(move |teacher, student, labels| {
        let terms = [
            behaviour.response(teacher, student),
            behaviour.learning(teacher, student),
            behaviour.prediction(teacher, student),
        ];
        let plain = unstamp_shared::objectives::CrossEntropy;
        let Loss { mut total, mut parts } =
            plain.loss(&Seen { student, teacher: Some(teacher), labels, own: &Tracked::new() });
        for (weight, term) in weights.into_iter().zip(terms) {
            total = total + term.clone() * weight;
            parts.push(("behaviour", term));
        }
        Loss { total, parts }
    })
}

fn objective(objective: impl Objective + 'static) -> Distances<'static> {
    Box::new(move |teacher, student, labels| {
        objective.loss(&Seen { student, teacher: Some(teacher), labels, own: &Tracked::new() })
    })
}

/// Losses by their names in the fixture.
fn losses() -> Vec<(&'static str, Distances<'static>)> {
    let unit = Behaviour {
        scale: Scale::Unit,
        reading: Reading::Scalar,
        gram: true,
        divergence: false,
        temperature: 5.0,
    };
    let nad = |operator| objective(Nad { form: Form::Paper, operator, beta: 2.0 });
    let all = [2.0, 2.0, 0.1];
    vec![
        ("nad_sum4", nad(Operator::Sum4)),
        ("nad_raw", nad(Operator::Raw)),
        ("argd", objective(Argd { node: 1.0, edge: 1.0, embedding: 1.0, trained: false })),
        ("nba", aligned(unit, all)),
        ("nba_printed", aligned(Behaviour { scale: Scale::Printed, ..unit }, [2.0, 0.0, 0.1])),
        ("nba_elementwise", aligned(Behaviour { reading: Reading::Elementwise, ..unit }, all)),
        ("nba_feature", aligned(Behaviour { gram: false, ..unit }, all)),
        ("nba_kl", aligned(Behaviour { divergence: true, ..unit }, all)),
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
    let (nets, want) = (Fixture::load(), Fixture::named("defences.safetensors"));
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

/// Settings under which the fixture's defences run: three epochs of one batch, a constant learning
/// rate, nothing blanked, one step of NBA's attack, half of the channels pruned.
fn settings(id: &str) -> Vec<&'static str> {
    let mut set = vec!["epochs=3", "lr=0.001", "cutout=0"];
    set.extend((id != "mcr").then_some("step=1000"));
    set.extend((id == "nba").then_some("attack_steps=1"));
    set.extend((id == "fine_prune").then_some("ratio=0.5"));
    set.extend(if id == "mesa" { &["scan_epochs=3", "recover_epochs=3"][..] } else { &[] });
    set
}

#[test]
fn every_defence_ends_where_pytorch_does() {
    let (nets, want) = (Fixture::load(), Fixture::named("defences.safetensors"));
    let victim = nets.part("c");
    let mut cases: Vec<(_, _, &[_])> =
        DEFENCES.iter().map(|d| (d.method().id, d.method().id, &[][..])).collect();
    cases.push(("argd_trained", "argd", &["embedder=trained"]));
    cases.push(("mcr_chain", "mcr", &["curve=chain"]));
    cases.push(("nad_code", "nad", &["form=code", "nesterov=on"]));
    for (case, id, more) in cases {
        let mut set = settings(id);
        set.extend(more);
        let job = defended(id, &set, victim.clone(), nets.four());
        let result = job.result().expect("it ended");
        for (name, array) in result {
            let pairs = array.values.iter().zip(&victim[name].values);
            let change: Vec<f64> = pairs.map(|(a, b)| f64::from(a - b)).collect();
            let norm = change.iter().map(|c| c * c).sum::<f64>().sqrt();
            let product: f64 = change.iter().enumerate().map(|(i, c)| c * (i as f64).cos()).sum();
            let wanted = &want.get(&format!("{case}.{name}")).values;
            let most = CHANGE * wanted[0] + ROUNDING;
            for (found, wanted) in [norm as f32, product as f32].iter().zip(wanted) {
                let off = (found - wanted).abs();
                assert!(off <= most, "{case} {name}: {found} is not {wanted} (may differ {most})");
            }
        }
    }
}

#[test]
fn what_mesa_learns_beside_the_network_is_what_pytorch_learns() {
    let (nets, want) = (Fixture::load(), Fixture::named("defences.safetensors"));
    let job = defended("mesa", &settings("mesa"), nets.part("c"), nets.four());
    let all = want.part("mesa.own");
    assert_eq!(all.len(), 5);
    for (name, array) in all {
        let (phase, own) = name.split_once('.').expect("phase and name");
        let found = &job.ended()[phase.parse::<usize>().expect("a number")].own[own].values;
        let (first, last) = array.values.split_at(found.len());
        let far = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        };
        // Adam's first steps are signs of gradients; few of them are near enough to 0 to turn.
        let (off, way) = (far(found, last), far(first, last));
        assert!(off < 0.05 * way, "{name}: {off} from PyTorch's after a way of {way}");
    }
}

/// What is learned beside a network survives a checkpoint after every step.
#[test]
fn what_lies_beside_the_network_is_taken_up_again() {
    let nets = Fixture::load();
    for (id, more) in [("mesa", "side=3"), ("argd", "embedder=trained")] {
        let mut set = settings(id);
        set.push(more);
        let whole = defended(id, &set, nets.part("c"), nets.four());
        let fresh = || begun(id, &set, nets.part("c"), nets.four());
        let mut job = fresh();
        while pollster::block_on(job.next()).expect("a finite loss").is_some() {
            let saved = pollster::block_on(job.save()).expect("saved");
            job = fresh();
            pollster::block_on(job.restore(&saved)).expect("of the same run");
        }
        assert_eq!(job.ended(), whole.ended(), "{id}");
    }
}

/// 1,000 drawn signs and a network nobody trained: enough images to set 200 aside.
fn thousand() -> (Split, Arrays) {
    let mut split = Split { width: signs::SIZE, height: signs::SIZE, ..Split::default() };
    for i in 0..1000 {
        let (image, label) = signs::draw(Seed(0), "train", i);
        split.push(&image, label);
    }
    let fresh = arch().init(Seed(0), &Device::flex()).expect("it exists");
    (split, pollster::block_on(arrays(&fresh)).expect("readable"))
}

#[test]
fn fine_tuning_stops_when_nothing_is_gained() {
    let (split, fresh) = thousand();
    // With a learning rate of 0 nothing is ever gained after the first epoch.
    let job = defended("fine_tune", &["epochs=9", "lr=0", "patience=2"], fresh.clone(), split);
    assert_eq!((job.validation(), job.history().len()), (200, 3));
    let right = |epoch: usize| job.history()[epoch].losses.last().expect("losses").clone();
    assert_eq!(right(0).0, "validation_accuracy");
    // The best weights are those after the first epoch, its statistics included.
    assert_ne!(job.result().expect("ended")["bn1.running_mean"], fresh["bn1.running_mean"]);
}

#[test]
fn fine_pruning_silences_what_it_says_and_it_stays_silent() {
    let (split, fresh) = thousand();
    for (set, rule) in [("rule=ratio", "ratio"), ("rule=drop", "drop"), ("rule=match", "match")] {
        let set = [set, "epochs=1", "ratio=0.25"];
        let job = defended("fine_prune", &set, fresh.clone(), split.clone());
        let prune = job.history().iter().find(|e| e.phase == "prune").expect("it pruned");
        let measured = |name: &str| prune.losses.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
        let result = job.result().expect("ended");
        let silent = result["bn1.weight"].values.iter().filter(|v| **v == 0.0).count();
        assert_eq!(Some(silent as f64), measured("pruned_channels"), "{rule}");
        let kernels = result["block3.layer.0.conv2.weight"].values.chunks_exact(64 * 9);
        let still = kernels.filter(|kernel| kernel.iter().all(|w| *w == 0.0)).count();
        assert_eq!(still, silent, "{rule}: kernels woke");
        assert_eq!(rule == "ratio", job.validation() == 0, "{rule}");
        if rule == "ratio" {
            assert_eq!(silent, 16);
        }
        // What it says of the validation images is what the pruned network does on them.
        if let Some(said) = measured("validation_accuracy") {
            let pruned = &job.ended()[if rule == "match" { 2 } else { 0 }].weights;
            let validation = split.subset(&(800..1000).collect::<Vec<_>>());
            let (arch, device) = (arch(), Device::flex());
            let found = pollster::block_on(accuracy(&arch, pruned, &validation, &device));
            assert_eq!(found.expect("it computes").value, said, "{rule}");
        }
        // NAD, which the paper's rule runs first, does not teach what is pruned.
        assert!(job.teacher().is_none(), "{rule}");
    }
}

#[test]
fn the_curve_of_mcr_meets_its_ends() {
    let nets = Fixture::load();
    let (victim, ends) = (nets.part("c"), [("t=0", 0), ("t=1", 1)]);
    let set = |t, ends| ["epochs=1", "lr=0.01", t, ends];
    for (t, end) in ends {
        for curve in ["curve=bezier", "curve=chain"] {
            let mut set = set(t, "ends=finetuned").to_vec();
            set.push(curve);
            let job = defended("mcr", &set, victim.clone(), nets.four());
            // The phases: the fine-tuned end, the middle, the bend, the point.
            let end = if end == 0 { &victim } else { &job.ended()[0].weights };
            for (name, array) in job.result().expect("ended") {
                // Statistics are renewed; everything else is the end's to the bit.
                assert!(name.contains("running") || *array == end[name], "{curve} {t} {name}");
            }
        }
    }
}

/// Other images, other statistics; the weights are the same.
#[test]
fn statistics_may_be_renewed_on_augmented_images() {
    let nets = Fixture::load();
    let end = |statistics: &str| {
        let set = ["epochs=1", "lr=0.01", statistics];
        defended("mcr", &set, nets.part("c"), nets.four()).result().expect("ended").clone()
    };
    let (plain, augmented) = (end("statistics=plain"), end("statistics=augmented"));
    for (name, array) in &plain {
        assert_eq!(*array == augmented[name], !name.contains("running"), "{name}");
    }
    assert_eq!(augmented, end("statistics=augmented"));
}

#[test]
fn distillation_from_itself_pulls_nowhere() {
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
        // Without the cross entropy; predictions pull nowhere only up to rounding. The embedding
        // compares every two layers, so it pulls even then.
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

/// A teacher of any of the paper's architectures has maps of the victim's sizes (table 2).
#[test]
fn any_architecture_teaches() {
    let nets = Fixture::load();
    let (methods, archs) = (["nad", "argd"], unstamp_shared::model::ARCHITECTURES);
    for (method, name) in methods.into_iter().flat_map(|m| archs.iter().map(move |a| (m, a))) {
        let teacher = format!("teacher_arch={name}");
        let set = ["teacher=scratch", &teacher, "scratch_epochs=1", "epochs=1", "lr=0.01"];
        let job = defended(method, &set, nets.part("c"), nets.four());
        assert_eq!(job.teacher().expect("it taught").0.name, *name, "{method}");
        let maps = &job.history()[1].losses[1..];
        assert!(maps.iter().all(|(_, d)| d.is_finite() && *d > 0.0), "{method} {name}: {maps:?}");
    }
}

#[test]
fn only_those_who_may_see_the_trigger() {
    for method in DEFENCES {
        let default = Values::default().resolve(&method.params()).expect("sound");
        let knows = method.knows(&default) == Knows::Trigger;
        assert_eq!(knows, method.method().id == "retrain");
    }
    let poisoned = resolved("nba", &["samples=poisoned"]);
    assert_eq!(defence("nba").expect("listed").knows(&poisoned), Knows::Trigger);
}

/// The paper's rule takes the largest beta that costs no more than the threshold.
#[test]
fn the_search_for_beta_follows_validation() {
    let (split, fresh) = thousand();
    let job = defended("nad", &["epochs=1", "lr=0.05", "threshold=100"], fresh, split);
    let last = job.history().last().expect("it chose");
    // 100 points may always be lost, so it is the largest of the grid.
    assert_eq!((last.phase.as_str(), last.losses.last().expect("chosen").1), ("choose", 16.0));
    assert!(job.teacher().is_some_and(|(_, teacher)| *teacher == job.ended()[0].weights));
    let tried = job.history().iter().filter(|e| e.phase == "distil").count();
    assert_eq!(tried, 6);
    assert!(matches!(job.progress(), (a, b) if a == b));
}

/// It ends at the first beta that costs more, and takes the one before.
#[test]
fn the_search_for_beta_ends_where_accuracy_falls() {
    let (split, fresh) = thousand();
    for form in ["form=paper", "form=code"] {
        let set = ["epochs=1", "lr=0.05", "threshold=0.01", form];
        let job = defended("nad", &set, fresh.clone(), split.clone());
        let losses = &job.history().last().expect("it chose").losses;
        let (chosen, measured) = losses.split_last().expect("losses");
        let floor = measured[0].1 - 0.0001;
        let (fallen, held) = measured.split_last().expect("measured");
        assert!(measured.len() < 6 && fallen.1 < floor, "{losses:?}");
        assert!(held.iter().all(|(_, reached)| *reached >= floor), "{losses:?}");
        let last = &held.last().expect("the first").0;
        assert!(last.ends_with(&format!("_at_{}", chosen.1)), "{losses:?}");
    }
}

/// A teacher trained as in the paper is the same whatever its student's rate.
#[test]
fn a_teacher_may_keep_the_papers_rate() {
    let nets = Fixture::load();
    for method in ["nad", "argd", "nba"] {
        let teacher = |set: &[&str]| {
            let job = defended(method, set, nets.part("c"), nets.four());
            let epochs = job.history().iter().filter(|e| e.phase == "teacher").map(|e| e.lr);
            epochs.collect::<Vec<_>>()
        };
        let own = teacher(&["lr=0.01", "epochs=1"]);
        let paper = teacher(&["lr=0.01", "epochs=1", "teacher_training=paper"]);
        assert_eq!((own, paper.len(), paper[0]), (vec![0.01], 10, 0.1), "{method}");
    }
}
