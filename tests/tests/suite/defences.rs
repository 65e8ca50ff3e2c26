//! Rules that hold for every defence.

use unstamp_shared::defences::{DEFENCES, DefenceInput, Knows, defence};
use unstamp_shared::job::Epoch;
use unstamp_shared::method::{Accepts, Param, Values};
use unstamp_shared::model::architectures;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::settings::SettingsError;
use unstamp_tests::Fixture;
use unstamp_tests::defend::{begun, defended, resolved, short, thousand};

/// Parameters that are trained together with the student are the same if the job is saved and restored
/// after every step.
#[test]
fn checkpoints_hold_the_auxiliary_parameters() {
    let nets = Fixture::load();
    for (id, more) in [("mesa", "side=3"), ("argd", "embedder=trained")] {
        let mut set = short(id);
        set.push(more);
        let whole = defended(id, &set, nets.part("c"), nets.four());
        let fresh = || begun(id, &set, nets.part("c"), nets.four());
        let mut job = fresh();
        while pollster::block_on(job.next()).expect("a finite loss").is_some() {
            let saved = pollster::block_on(job.save()).expect("saved");
            job = fresh();
            pollster::block_on(job.restore(&saved)).expect("of the same run");
        }
        assert_eq!(job.outputs(), whole.outputs(), "{id}");
    }
}

#[test]
fn fine_tuning_stops_when_nothing_is_gained() {
    let (split, fresh) = thousand();
    // With a learning rate of 0 nothing is ever gained after the first epoch.
    let job = defended("fine_tune", &["epochs=9", "lr=0", "patience=2"], fresh.clone(), split);
    assert_eq!((job.validation(), job.history().len()), (200, 3));
    let measured = &job.history()[0].measured;
    assert_eq!(measured.len(), 1);
    assert_eq!(measured[0].0, "validation_accuracy");
    // The best weights are those after the first epoch, its statistics included.
    assert_ne!(job.result().expect("ended")["bn1.running_mean"], fresh["bn1.running_mean"]);
}

/// A teacher of any of the paper's architectures has maps of the victim's sizes (table 2).
#[test]
fn any_architecture_teaches() {
    let nets = Fixture::load();
    let methods = ["nad", "argd"];
    // Teacher and student need maps of the same sizes: networks of one family.
    let archs: Vec<&str> = architectures().filter(|name| name.starts_with("wrn-")).collect();
    for (method, name) in methods.into_iter().flat_map(|m| archs.iter().map(move |a| (m, a))) {
        let teacher = format!("teacher_arch={name}");
        let set = ["teacher=scratch", &teacher, "scratch_epochs=1", "epochs=1", "lr=0.01"];
        let job = defended(method, &set, nets.part("c"), nets.four());
        assert_eq!(job.teacher().expect("it taught").0.name, *name, "{method}");
        let maps = &job.history()[1].losses[1..];
        assert!(maps.iter().all(|(_, d)| d.is_finite() && *d > 0.0), "{method} {name}: {maps:?}");
    }
}

/// Features of other sizes are refused with a sentence: another family, or another width if the
/// activations themselves are compared.
#[test]
fn a_teacher_with_other_maps_is_refused() {
    let nets = Fixture::load();
    for pairs in [
        ["teacher_arch=preact-resnet18", "operator=sum2"],
        ["teacher_arch=wrn-10-2", "operator=raw"],
    ] {
        let mut set = vec!["teacher=scratch", "scratch_epochs=1", "epochs=1"];
        set.extend(pairs);
        let mut job = begun("nad", &set, nets.part("c"), nets.four());
        let end = loop {
            match pollster::block_on(job.next()) {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        let sentence = end.expect_err("refused").to_string();
        assert!(sentence.starts_with("the teacher's features have other sizes"), "{sentence}");
    }
}

#[test]
fn only_those_who_may_see_the_trigger() {
    for method in DEFENCES {
        let default = Values::default().resolve(&method.params()).expect("sound");
        let knows = method.knows(&default).expect("sound");
        assert_eq!(knows == Knows::Trigger, method.method().id == "retrain");
    }
    let poisoned = resolved("nba", &["samples=poisoned"]);
    let nba = defence("nba").expect("listed");
    assert_eq!(nba.knows(&poisoned), Ok(Knows::Trigger));
    let wrong = Values::parse(["samples=unknown"]).expect("a pair");
    assert!(nba.knows(&wrong).is_err());
}

#[test]
fn a_patch_that_is_larger_than_the_images_is_refused() {
    let (split, _) = thousand();
    let phases = |side: &str| {
        let values = Values::parse([side]).expect("a pair");
        let given = DefenceInput::new(&split, false, None);
        defence("mesa").expect("listed").phases(&values, given)
    };
    assert!(phases("side=32").is_ok());
    let error = SettingsError::TooLong { id: "side", value: 33, side: 32 };
    assert_eq!(phases("side=33").err(), Some(error));
}

/// The paper's rule takes the largest beta that costs no more than the threshold.
#[test]
fn the_search_for_beta_follows_validation() {
    let (split, fresh) = thousand();
    let job = defended("nad", &["epochs=1", "lr=0.05", "threshold=100"], fresh, split);
    let last = job.measurements().last().expect("it chose");
    // 100 points may always be lost, so it is the largest of the grid.
    assert_eq!((last.phase.as_str(), last.value), ("choose", 16.0));
    assert!(job.teacher().is_some_and(|(_, teacher)| *teacher == job.outputs()[0].weights));
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
        let all = job.measurements();
        let (chosen, measured) = all.split_last().expect("it chose");
        let floor = measured[0].value - 0.0001;
        let (fallen, held) = measured.split_last().expect("measured");
        assert!(measured.len() < 6 && fallen.value < floor, "{all:?}");
        assert!(held.iter().all(|m| m.value >= floor), "{all:?}");
        let last = &held.last().expect("the first").name;
        assert!(last.ends_with(&format!("_at_{}", chosen.value)), "{all:?}");
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

/// A model and the record of how it was made; `None` if the loss was not finite.
fn outcome(id: &str, set: &[&str], nets: &Fixture) -> Option<(Arrays, Vec<Epoch>)> {
    let mut job = begun(id, set, nets.part("c"), nets.four());
    while pollster::block_on(job.next()).ok()?.is_some() {}
    Some((job.result()?.clone(), job.history().to_vec()))
}

/// The least values of a setting, or all its options.
fn values_of(param: &Param) -> Vec<String> {
    match &param.accepts {
        Accepts::Int { min, .. } => [*min, min + 1, min + 2].map(|v| v.to_string()).to_vec(),
        Accepts::Float { min, max } => {
            [*min, 0.9 * min + 0.1 * max].map(|v| v.to_string()).to_vec()
        }
        Accepts::Choice(options) => options.iter().map(|option| option.to_string()).collect(),
        Accepts::Picture { .. } => Vec::new(),
    }
}

/// These need 200 validation images, and are tested with them above.
const VALIDATED: [&str; 4] = ["patience", "rule", "drop", "threshold"];

/// A setting that is read nowhere would leave model and record as they are.
#[test]
fn every_setting_of_a_defence_changes_its_outcome() {
    let nets = Fixture::load();
    for method in DEFENCES {
        let id = method.method().id;
        let has = |key: &str| method.params().iter().any(|param| param.id == key);
        for param in method.params().iter().filter(|param| !VALIDATED.contains(&param.id)) {
            let mut set = vec!["epochs=2", "lr=0.01"];
            for (key, pair) in [
                ("scan_epochs", "scan_epochs=2"),
                ("recover_epochs", "recover_epochs=2"),
                ("attack_steps", "attack_steps=2"),
                ("scratch_epochs", "scratch_epochs=2"),
            ] {
                set.extend(has(key).then_some(pair));
            }
            // Some matter only beside another; of four images a hundredth is none.
            set.extend(has("share").then_some("share=0.5"));
            match (id, param.id) {
                (_, "teacher_arch" | "scratch_epochs" | "scratch_schedule") => {
                    set.push("teacher=scratch");
                }
                (_, "divisions") => set.push("step=1"),
                ("mesa" | "retrain", "step") => set.push("divisions=9"),
                ("nba", "reading" | "lambda2") => set.push("layers=groups"),
                ("mesa", "x") => set.push("y=5"),
                ("mesa", "y") => set.push("x=5"),
                _ => {}
            }
            let usual = outcome(id, &set, &nets);
            assert!(usual.is_some(), "{id} {set:?}");
            let changes = |value: &String| {
                let pair = format!("{}={value}", param.id);
                let others =
                    set.iter().filter(|other| !other.starts_with(&format!("{}=", param.id)));
                let changed: Vec<&str> = others.copied().chain([pair.as_str()]).collect();
                outcome(id, &changed, &nets) != usual
            };
            assert!(values_of(param).iter().any(changes), "{id}: {} changes nothing", param.id);
        }
    }
}
