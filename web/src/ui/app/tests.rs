//! Replies of the engines change the state of the page. Without a worker no request is sent.

use super::engines::{StopReason, WebGpuState};
use super::*;
use crate::link::Incoming;
use crate::messages::{Answer, DefenceName, ErasureProgress, Failure, Hardware, Reply};
use crate::text;
use crate::verdict::Verdict;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::metrics::{Confusion, Rate, Report};

/// The request of no erasure and no evaluation.
const REQUEST: u32 = 5;

/// The number of the running erasure, as long as no request was sent.
const ERASURE: u32 = 0;

pub(crate) fn report() -> Report {
    let rate = Rate::new(1, 2);
    let confusion = Confusion::new(2);
    Report { acc: rate, asr: None, ra: None, floor: None, confusion, triggered: None }
}

/// A model of the manifest.
pub(crate) fn entry(id: &str, role: ModelRole) -> ModelEntry {
    ModelEntry {
        id: id.to_string(),
        title: format!("title of {id}"),
        file: format!("{id}.safetensors"),
        sha256: String::new(),
        bytes: 1,
        arch: "wrn-16-1".to_string(),
        dataset: "signs".to_string(),
        class_names: Vec::new(),
        role,
        trigger: None,
        data_seed: 0,
        recipe: String::new(),
        recipe_hash: String::new(),
        report: report(),
    }
}

/// Runs a test on a page that shows a victim and a model of the visitor and has no worker.
fn on_page(test: impl FnOnce(App)) {
    Owner::new().with(|| {
        let models = vec!["victim".to_string(), "own".to_string()];
        let app = App::without_engines(State { models, ..State::default() });
        let entries = [entry("victim", ModelRole::Victim), entry("own", ModelRole::Own)];
        app.models.entries.set(entries.into());
        test(app);
    });
}

fn receive(app: App, engine: EngineKind, reply: Reply) {
    app.receive(Incoming::Reply(engine, Box::new(reply), Vec::new()));
}

fn failed(id: u32, model: &str) -> Reply {
    let failure = Failure::NotLoaded;
    Reply::Failed { id, model: model.to_string(), failure }
}

fn running(app: App) -> bool {
    app.erasure.running.with_untracked(Option::is_some)
}

/// Shows an erasure that runs.
fn erase(app: App) {
    app.erase("victim", "nad".to_string());
    assert!(running(app));
}

#[test]
fn a_prediction_ends_the_progress_of_loading() {
    on_page(|app| {
        let answer = Answer { probabilities: vec![0.25, 0.75], ..Answer::default() };
        let model = "victim".to_string();
        let reply = Reply::Prediction { id: REQUEST, model, answer: answer.clone() };
        receive(app, EngineKind::Cpu, reply);
        assert_eq!(app.models.loading.get_untracked(), None);
        assert_eq!(app.models.answers.get_untracked(), [("victim".to_string(), answer)].into());
    });
}

#[test]
fn only_a_model_of_the_visitor_that_fails_is_taken_away() {
    on_page(|app| {
        receive(app, EngineKind::Cpu, failed(REQUEST, "victim"));
        assert_eq!(app.state.get_untracked().models, ["victim", "own"]);
        assert_eq!(app.message.get_untracked(), Some(text::failure(&Failure::NotLoaded)));
        receive(app, EngineKind::Cpu, failed(REQUEST, "own"));
        assert_eq!(app.state.get_untracked().models, ["victim"]);
    });
}

/// A failed load of a published model must not lead back to loading it.
#[test]
fn a_published_model_that_cannot_be_used_is_marked() {
    on_page(|app| {
        let reason = "too short".to_string();
        let failure = Failure::UnusableModel { file: "victim.safetensors".to_string(), reason };
        let model = "victim".to_string();
        receive(app, EngineKind::Cpu, Reply::Failed { id: REQUEST, model, failure });
        assert!(app.models.is_refused("victim") && !app.models.is_refused("own"));
        assert_eq!(app.state.get_untracked().models, ["victim", "own"], "its row says so");
        assert_eq!(app.models.loading.get_untracked(), None);
        let said = app.message.get_untracked();
        receive(app, EngineKind::Cpu, failed(REQUEST, "victim"));
        assert_eq!(app.message.get_untracked(), said, "the reason stays");
    });
}

#[test]
fn an_engine_that_fails_again_and_again_stays_down() {
    let crashed = || StopReason::Crashed { detail: "an error".to_string() };
    let stop = |app: App, reason| {
        app.receive(Incoming::Stopped(EngineKind::Cpu, reason));
        app.message.get_untracked()
    };
    on_page(|app| {
        for _ in 0..2 {
            assert_eq!(stop(app, crashed()), Some(text::restarted(&crashed())));
        }
        assert_eq!(stop(app, crashed()), Some(text::stays_down(&crashed())));
        assert_eq!(app.models.loading.get_untracked(), None);
    });
    on_page(|app| {
        let missing = StopReason::NotStarted { detail: "404".to_string() };
        assert_eq!(stop(app, missing.clone()), Some(text::stays_down(&missing)));
    });
}

#[test]
fn a_verdict_needs_a_model_that_knows_the_signs() {
    on_page(|app| {
        let label = app.picture.current.get_untracked().label.expect("a test image");
        let mut probabilities = vec![0.0; signs::CLASSES.len()];
        probabilities[label] = 1.0;
        let answer = Answer { probabilities, ..Answer::default() };
        app.models.answers.update(|all| _ = all.insert("victim".to_string(), answer));
        let mut model = entry("victim", ModelRole::Victim);
        assert_eq!(app.verdict(&model), Some((label, Verdict::Right)));
        model.class_names = vec!["cat".to_string(), "dog".to_string()];
        assert_eq!(app.verdict(&model), Some((label, Verdict::Unknown)));
        assert_eq!(app.verdict(&entry("own", ModelRole::Own)), None, "it has not answered");
    });
}

#[test]
fn an_erasure_that_fails_ends() {
    on_page(|app| {
        erase(app);
        receive(app, EngineKind::Learn, failed(REQUEST, "victim"));
        assert!(running(app), "another request failed");
        receive(app, EngineKind::Learn, failed(ERASURE, "victim"));
        assert!(!running(app));
    });
}

#[test]
fn the_student_of_an_erasure_becomes_a_model() {
    on_page(|app| {
        erase(app);
        let progress = ErasureProgress { done: 3, total: 9, ..ErasureProgress::default() };
        let reply = |id, progress: &ErasureProgress| {
            let progress = Box::new(progress.clone());
            let reply = Reply::Erasing { id, model: "victim".to_string(), progress };
            app.receive(Incoming::Reply(EngineKind::Learn, Box::new(reply), vec![1, 2]));
        };
        reply(REQUEST, &progress);
        assert_eq!(app.models.entries.get_untracked().len(), 2, "an older erasure");
        reply(ERASURE, &progress);
        let shown = app.erasure.running.get_untracked().map(|erasure| erasure.progress);
        assert_eq!(shown, Some(progress.clone()));
        let made = app.models.entries.get_untracked().pop().expect("a model");
        assert_eq!(made.title, "nad, epoch 1");
        reply(ERASURE, &ErasureProgress { finished: true, ..progress });
        assert!(!running(app));
        let entries = app.models.entries.get_untracked();
        let made = entries.last().expect("a model");
        assert_eq!(entries.len(), 3);
        assert_eq!((made.title.as_str(), &made.role), ("nad, erased here", &ModelRole::Own));
        assert!(app.erasure.has_made(&made.id));
        assert_eq!(app.state.get_untracked().models.last(), Some(&made.id));
        assert_eq!(app.models.with_file(&made.id, <[u8]>::to_vec), Some(vec![1, 2]));
    });
}

#[test]
fn every_erasure_makes_a_model_of_its_own() {
    on_page(|app| {
        for count in 1..=2 {
            erase(app);
            let progress = Box::new(ErasureProgress { epoch: 3, ..ErasureProgress::default() });
            let reply = Reply::Erasing { id: ERASURE, model: "victim".to_string(), progress };
            app.receive(Incoming::Reply(EngineKind::Learn, Box::new(reply), vec![1]));
            assert_eq!(app.models.entries.get_untracked().len(), 2 + count);
            app.erasure.running.set(None);
        }
    });
}

#[test]
fn a_failed_self_test_of_the_cpu_is_said() {
    on_page(|app| {
        let tested = |difference: f32, passed: bool| {
            let reply =
                Reply::Tested { id: REQUEST, model: "victim".to_string(), difference, passed };
            receive(app, EngineKind::Cpu, reply);
            assert_eq!(app.engines.get_untracked().self_test, Some(passed));
            app.message.get_untracked()
        };
        assert_eq!(tested(0.0, true), None);
        assert_eq!(tested(0.5, false), Some(text::wrong_results(0.5)));
    });
}

#[test]
fn a_slower_webgpu_engine_is_not_used() {
    on_page(|app| {
        let testing = WebGpuState::Testing { adapter: String::new(), software: true };
        app.engines.update(|engines| engines.webgpu = testing);
        for (engine, milliseconds) in [(EngineKind::Cpu, 20.0), (EngineKind::WebGpu, 80.0)] {
            let model = "victim".to_string();
            receive(app, engine, Reply::Measured { id: REQUEST, model, images: 1, milliseconds });
        }
        let state = app.engines.get_untracked().webgpu;
        assert_eq!(state, WebGpuState::Slower { cpu: 20.0, webgpu: 80.0 });
    });
}

#[test]
fn the_engine_that_trains_names_its_defences() {
    on_page(|app| {
        let nad = DefenceName { id: "nad".to_string(), title: "NAD".to_string() };
        let defences = vec![nad];
        let hardware = Hardware::Cpu { relaxed: true };
        receive(app, EngineKind::Learn, Reply::Ready { hardware, defences: defences.clone() });
        assert_eq!(app.erasure.defences.get_untracked(), defences);
        assert_eq!(app.engines.get_untracked().cpu, None, "it does not predict");
    });
}

#[test]
fn every_name_of_an_engine_is_read_again() {
    for kind in [EngineKind::Cpu, EngineKind::Learn, EngineKind::WebGpu] {
        assert_eq!(EngineKind::named(kind.name()), Some(kind));
        let json = serde_json::to_string(&kind).expect("plain data");
        assert_eq!(json, format!("\"{}\"", kind.name()), "worker.js has one name for an engine");
    }
    assert_eq!(EngineKind::named("gpu"), None);
}

#[test]
fn the_wanted_class_is_that_of_the_attack() {
    on_page(|app| {
        let label = app.picture.current.get_untracked().label.expect("a test image");
        let target = (label + 2) % signs::CLASSES.len();
        for attack in ATTACKS {
            let id = attack.method().id.to_string();
            app.state.set(State { attack: id, target, ..State::default() });
            let wanted = attack.wanted(label, target, signs::CLASSES.len());
            assert_eq!(app.wanted(), wanted, "{}", attack.method().id);
        }
        app.state.set(State { attack: "all_target".to_string(), target, ..State::default() });
        assert_eq!(app.wanted(), (label + 1) % signs::CLASSES.len());
        app.picture.current.update(|current| current.label = None);
        assert_eq!(app.wanted(), target, "the class of a visitor's picture is not known");
    });
}
