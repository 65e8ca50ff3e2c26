//! The page's controller: what is known, and what is asked of the engines. What happens when they
//! answer is in `hear`.

mod erase;
mod hear;

use crate::brush::Brush;
use crate::fetch;
use crate::link::{Link, Which};
use crate::messages::{Answer, Erasing, Request};
use crate::state::State;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::manifest::{Manifest, ModelEntry};
use unstamp_shared::metrics::Report;
use unstamp_shared::seed::Seed;

/// A running or finished evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    pub seen: usize,
    pub total: usize,
    pub report: Report,
}

/// What the page says of its engines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EngineStatus {
    /// `cpu` or `webgpu`; empty while none is there.
    pub active: String,
    pub adapter: String,
    /// Why the other one is not used, or what went wrong.
    pub note: String,
    /// Of the engine tested last.
    pub self_test: Option<bool>,
    pub dispatches: f64,
    /// Milliseconds for 32 images on CPU and GPU, where measured.
    pub measured: [Option<f64>; 2],
}

/// Everything the views read. Copies of it are handles to the same signals.
#[derive(Clone, Copy)]
pub struct App {
    pub state: RwSignal<State>,
    /// The unstamped image with its class; a visitor's own picture has none.
    pub image: RwSignal<(Image, Option<usize>)>,
    /// The image as the models see it; some triggers are too much work to stamp for every view.
    pub shown: Memo<Image>,
    pub models: RwSignal<Vec<ModelEntry>>,
    pub answers: RwSignal<HashMap<String, Answer>>,
    pub progress: RwSignal<HashMap<String, Progress>>,
    pub engine: RwSignal<EngineStatus>,
    /// Defences the engine that trains offers, once it is there: id and title.
    pub defences: RwSignal<Vec<(String, String)>>,
    /// The model being erased from, and how far it is.
    pub erasing: RwSignal<Option<(String, Erasing)>>,
    /// What the pointer does on the image, for attacks that are painted.
    pub brush: RwSignal<Brush>,
    /// A sentence for the visitor.
    pub message: RwSignal<String>,
    /// Share of engine and first models that has arrived.
    pub loading: RwSignal<Option<f64>>,
    inner: StoredValue<Inner, LocalStorage>,
}

/// What no view reads.
#[derive(Default)]
struct Inner {
    link: Option<Link>,
    weights: HashMap<String, Vec<u8>>,
    loaded: HashSet<(&'static str, String)>,
    asked_gpu: bool,
    evaluation: u32,
    erasure: u32,
    /// Model and defence of an erasure whose engine is still loading.
    wish: Option<(String, String)>,
    timer: Option<TimeoutHandle>,
}

/// `?engine=cpu|webgpu` and `?corrupt=1`.
fn query(key: &str) -> String {
    let search = window().location().search().unwrap_or_default();
    let pairs = search.trim_start_matches('?').split('&').map(str::to_string).collect::<Vec<_>>();
    pairs.iter().find_map(|p| p.strip_prefix(&format!("{key}="))).unwrap_or("").to_string()
}

/// A generated test image with its class.
pub fn drawn(index: usize) -> (Image, Option<usize>) {
    let (image, label) = signs::draw(Seed(0), SplitName::Test, index);
    (image, Some(label.into()))
}

/// Test images the page evaluates.
pub const IMAGES: usize = signs::TEST;

impl App {
    pub fn start() -> Self {
        let state = State::from_hash(&window().location().hash().unwrap_or_default());
        let image = RwSignal::new(drawn(state.image));
        let state = RwSignal::new(state);
        let app = Self {
            state,
            image,
            shown: Memo::new(move |_| image.with(|(image, _)| state.with(|s| s.shown(image)))),
            models: RwSignal::new(Vec::new()),
            answers: RwSignal::new(HashMap::new()),
            progress: RwSignal::new(HashMap::new()),
            engine: RwSignal::new(EngineStatus::default()),
            defences: RwSignal::new(Vec::new()),
            erasing: RwSignal::new(None),
            brush: RwSignal::new(Brush::default()),
            message: RwSignal::new(String::new()),
            loading: RwSignal::new(Some(0.0)),
            inner: StoredValue::new_local(Inner::default()),
        };
        let link = Link::new(move |incoming| app.hear(incoming));
        link.start(Which::Cpu, false);
        app.inner.update_value(|inner| inner.link = Some(link));
        spawn_local(async move { app.load_manifest().await });
        app.watch();
        app
    }

    /// The class the attack wants for the image shown.
    pub fn wanted(&self) -> usize {
        let label = self.image.with(|(_, label)| *label);
        self.state.with(|s| match (attack(&s.attack), label) {
            (Some(attack), Some(label)) => attack.wanted(label, s.target, signs::CLASSES.len()),
            _ => s.target,
        })
    }

    fn link(&self) -> Option<Link> {
        self.inner.with_value(|inner| inner.link.clone())
    }

    fn which(&self) -> Which {
        if self.engine.with_untracked(|e| e.active == "webgpu") { Which::Gpu } else { Which::Cpu }
    }

    /// Keeps URL, predictions and rates in step with the state.
    fn watch(self) {
        Effect::new(move || {
            let hash = self.state.with(State::to_hash);
            if let Ok(history) = window().history() {
                let _ =
                    history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&hash));
            }
        });
        Effect::new(move || {
            self.state.track();
            self.image.track();
            self.predict();
        });
        let criteria = Memo::new(move |_| self.state.with(|s| (s.models.clone(), s.record())));
        Effect::new(move || {
            // Reading it makes the memo follow the state; tracking alone does not compute it.
            criteria.with(|_| ());
            // Rates of another trigger must not stand beside this one, nor may those of an
            // evaluation still under way be heard: no request has the number 0.
            self.inner.update_value(|inner| inner.evaluation = 0);
            self.progress.update(HashMap::clear);
            self.evaluate_soon();
        });
        Effect::new(move || {
            let models = self.state.with(|s| s.models.clone());
            spawn_local(async move { self.fetch_models(models).await });
        });
        // The same values as text, for tests and for the curious.
        Effect::new(move || {
            let values = serde_json::json!({
                "state": self.state.get(),
                "answers": self.answers.get(),
                "progress": self.progress.get(),
                "engine": self.engine.get(),
                "erasing": self.erasing.get(),
                "message": self.message.get(),
            });
            if let Some(element) = document().get_element_by_id("values") {
                element.set_text_content(Some(&values.to_string()));
            }
        });
    }

    async fn load_manifest(self) {
        let bytes = match fetch::bytes("./models/manifest.json", |_| ()).await {
            Ok(bytes) => bytes,
            Err(e) => return self.fail(&e),
        };
        let manifest: Manifest = match serde_json::from_slice(&bytes) {
            Ok(manifest) => manifest,
            Err(e) => return self.fail(&format!("The list of models cannot be read: {e}.")),
        };
        let ids: Vec<String> = manifest.models.iter().map(|m| m.id.clone()).collect();
        let role =
            |role: &str| manifest.models.iter().find(|m| m.role == role).map(|m| m.id.clone());
        let first =
            [role("victim"), role("nad"), role("clean")].into_iter().flatten().collect::<Vec<_>>();
        self.models.set(manifest.models);
        self.state.update(|state| {
            state.models.retain(|id| ids.contains(id));
            if state.models.is_empty() {
                state.models = first;
            }
        });
    }

    /// Shows a sentence; loading is over, one way or the other.
    pub fn fail(&self, message: &str) {
        self.message.set(message.to_string());
        self.loading.set(None);
    }

    async fn fetch_models(self, ids: Vec<String>) {
        let entries = self.models.get_untracked();
        for id in ids {
            let Some(entry) = entries.iter().find(|m| m.id == id) else { continue };
            if self.inner.with_value(|inner| inner.weights.contains_key(&id)) {
                self.load(&id);
                continue;
            }
            let size = entry.bytes.max(1) as f64;
            let url =
                format!("./models/{}?v={}", entry.file, &entry.sha256[..8.min(entry.sha256.len())]);
            let loading = self.loading;
            let got = fetch::bytes(&url, move |n| {
                if loading.get_untracked().is_some() {
                    loading.set(Some((n as f64 / size).min(1.0)));
                }
            });
            match got.await {
                Ok(bytes) => {
                    self.inner.update_value(|inner| _ = inner.weights.insert(id.clone(), bytes));
                    self.load(&id);
                }
                Err(e) => self.fail(&e),
            }
        }
    }

    /// Takes a model a visitor dropped in: a safetensors file of ours.
    pub fn adopt(&self, name: &str, bytes: Vec<u8>, like: ModelEntry) {
        let id = format!("own-{name}");
        let entry = ModelEntry {
            id: id.clone(),
            title: name.to_string(),
            file: name.to_string(),
            role: "own".into(),
            ..like
        };
        self.inner.update_value(|inner| {
            inner.loaded.retain(|(_, model)| *model != id);
            inner.weights.insert(id.clone(), bytes);
        });
        self.models.update(|models| {
            models.retain(|m| m.id != id);
            models.push(entry);
        });
        self.state.update(|state| {
            if !state.models.contains(&id) {
                state.models.push(id);
            }
        });
    }

    /// Gives a model to the engine in use.
    fn load(&self, id: &str) {
        let which = self.which();
        if self.engine.with_untracked(|e| e.active.is_empty()) {
            return;
        }
        self.load_into(which, id, false);
    }

    fn load_into(&self, which: Which, id: &str, corrupt: bool) {
        let Some(link) = self.link() else { return };
        let entry =
            self.models.with_untracked(|models| models.iter().find(|m| m.id == id).cloned());
        self.inner.update_value(|inner| {
            let (Some(entry), Some(bytes)) = (entry, inner.weights.get(id)) else { return };
            if inner.loaded.insert((which.name(), id.to_string())) {
                let request = Request::Load { id: link.id(), entry: Box::new(entry), corrupt };
                link.send(which, &request, Some(bytes));
            }
        });
    }

    /// Chosen models that the engine in use has.
    fn ready_models(&self) -> Vec<String> {
        let which = self.which().name();
        let chosen = self.state.with_untracked(|s| s.models.clone());
        let loaded =
            |id: &String| self.inner.with_value(|i| i.loaded.contains(&(which, id.clone())));
        chosen.into_iter().filter(loaded).collect()
    }

    fn predict(&self) {
        let models = self.ready_models();
        let (Some(link), false) = (self.link(), models.is_empty()) else { return };
        let image = self.shown.get_untracked().pixels;
        link.send(self.which(), &Request::Predict { id: link.id(), image, models }, None);
    }

    /// Evaluates a moment after the last change, so that a drag does not start it at every pixel.
    fn evaluate_soon(self) {
        let timer =
            set_timeout_with_handle(move || self.evaluate(), Duration::from_millis(250)).ok();
        self.inner.update_value(|inner| {
            if let Some(old) = std::mem::replace(&mut inner.timer, timer) {
                old.clear();
            }
        });
    }

    fn evaluate(&self) {
        let models = self.ready_models();
        let (Some(link), false) = (self.link(), models.is_empty()) else { return };
        let id = link.id();
        self.inner.update_value(|inner| inner.evaluation = id);
        let trigger = self.state.with_untracked(State::record);
        self.progress.update(HashMap::clear);
        link.send(self.which(), &Request::Evaluate { id, models, trigger, images: IMAGES }, None);
    }

    /// All chosen models to the engine in use, then everything anew.
    fn refresh(self) {
        for id in self.state.with_untracked(|s| s.models.clone()) {
            self.load(&id);
        }
        self.predict();
        self.evaluate_soon();
    }
}
