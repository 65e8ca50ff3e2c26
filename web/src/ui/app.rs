//! The state of the page, and the requests to the engines.

mod address;
pub mod engines;
pub mod erasure;
pub mod evaluation;
pub mod fire_map;
pub mod models;
pub mod options;
pub mod picture;
mod replies;
mod webgpu;

use crate::link::Link;
use crate::messages::Request;
use crate::state::State;
use crate::text::Word;
use engines::{EngineKind, Engines};
use erasure::Erasure;
use evaluation::Evaluation;
use fire_map::Fires;
use leptos::prelude::*;
use leptos::task::spawn_local;
use models::Models;
use options::Options;
use picture::{CurrentImage, Picture};
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;

/// The state of the page. Copies refer to the same signals.
#[derive(Clone, Copy)]
pub struct App {
    /// The choices of the visitor; the address of the page holds them.
    pub state: RwSignal<State>,
    /// The image and the brush.
    pub picture: Picture,
    /// The models and their predictions.
    pub models: Models,
    /// The rates of the chosen models.
    pub evaluation: Evaluation,
    /// The places where the trigger fires.
    pub fires: Fires,
    /// The state of the engines.
    pub engines: RwSignal<Engines>,
    /// The running erasure and the defences for one.
    pub erasure: Erasure,
    /// A sentence for the visitor.
    pub message: RwSignal<Option<String>>,
    /// The word whose explanation is open.
    pub word: RwSignal<Option<Word>>,
    link: StoredValue<Option<Link>, LocalStorage>,
    /// Whether the engines have been asked for their self-tests.
    engines_tested: StoredValue<bool>,
    /// How often the CPU engine was started again after an error.
    restarts: StoredValue<usize>,
}

impl App {
    /// Starts the worker with the CPU engine and loads the list of models.
    pub fn start() -> Self {
        let (state, refused) = State::read(&address::current());
        let app = Self::without_engines(state);
        app.say_refused(&refused);
        let link = Link::new(move |incoming| app.receive(incoming));
        link.start(EngineKind::Cpu, false);
        app.link.set_value(Some(link));
        spawn_local(async move { app.load_manifest().await });
        app.follow_address();
        app.follow_state();
        if Options::read().values {
            app.publish_values();
        }
        app
    }

    /// The page with these choices, before it has a worker and models.
    fn without_engines(state: State) -> Self {
        let image = CurrentImage::generated(state.image);
        let state = RwSignal::new(state);
        Self {
            state,
            picture: Picture::new(state, image),
            models: Models::new(),
            evaluation: Evaluation::new(),
            fires: Fires::new(),
            engines: RwSignal::new(Engines::default()),
            erasure: Erasure::new(),
            message: RwSignal::new(None),
            word: RwSignal::new(None),
            link: StoredValue::new_local(None),
            engines_tested: StoredValue::new(false),
            restarts: StoredValue::new(0),
        }
    }

    /// The class that the attack wants for the image on the page.
    pub fn wanted(&self) -> usize {
        let label = self.picture.current.with(|current| current.label);
        self.state.with(|s| match (attack(&s.attack), label) {
            (Some(attack), Some(label)) => attack.wanted(label, s.target, signs::CLASSES.len()),
            _ => s.target,
        })
    }

    /// Shows a sentence to the visitor.
    pub fn say(&self, message: impl Into<String>) {
        self.message.set(Some(message.into()));
    }

    /// Shows a sentence to the visitor and ends the progress of loading.
    pub fn fail(&self, message: impl Into<String>) {
        self.say(message);
        self.models.loading.set(None);
    }

    fn link(&self) -> Option<Link> {
        self.link.with_value(Clone::clone)
    }

    /// The engine that predicts.
    fn engine(&self) -> EngineKind {
        self.engines.with_untracked(Engines::kind)
    }

    /// The chosen models, in the order of the choice.
    pub fn chosen(&self) -> Vec<ModelEntry> {
        let ids = self.state.with(|state| state.models.clone());
        self.models.entries.with(|entries| found(&ids, entries))
    }

    /// [`App::chosen`] without following changes.
    fn chosen_untracked(&self) -> Vec<ModelEntry> {
        let ids = self.state.with_untracked(|state| state.models.clone());
        self.models.entries.with_untracked(|entries| found(&ids, entries))
    }

    /// Keeps the predictions and the rates up to date with the state.
    fn follow_state(self) {
        Effect::new(move || {
            self.state.track();
            self.picture.current.track();
            self.predict();
        });
        let criteria = Memo::new(move |_| self.state.with(|s| (s.models.clone(), s.record())));
        Effect::new(move || {
            // Reading the memo makes it follow the state; `track` alone would not compute it.
            criteria.with(|_| ());
            self.recall();
        });
        Effect::new(move || {
            let models = self.state.with(|s| s.models.clone());
            spawn_local(async move { self.fetch_models(models).await });
        });
    }

    /// Writes the values of the page as JSON into the hidden element `values`, for `?values`; tests read them.
    fn publish_values(self) {
        Effect::new(move || {
            let engines = self.engines.get();
            let mut engine = serde_json::json!(engines);
            engine["active"] = serde_json::json!(engines.active().map(|_| engines.kind()));
            let values = serde_json::json!({
                "state": self.state.get(),
                "answers": self.models.answers.get(),
                "progress": self.evaluation.progress.get(),
                "engine": engine,
                "erasing": self.erasure.running.get(),
                "fires": self.fires.map.get(),
                "message": self.message.get(),
            });
            if let Some(element) = document().get_element_by_id("values") {
                element.set_text_content(Some(&values.to_string()));
            }
        });
    }

    /// Asks for predictions of the image on the page.
    fn predict(&self) {
        let models = self.ready_models();
        let Some(link) = self.link().filter(|_| !models.is_empty()) else { return };
        let image = self.picture.stamped.get_untracked();
        let request = Request::Predict {
            id: link.id(),
            width: image.width,
            height: image.height,
            image: image.pixels,
            models,
        };
        link.send(self.engine(), &request, None);
    }

    /// Gives the chosen models to the engine that predicts, and asks for everything again.
    fn refresh(self) {
        for id in self.state.with_untracked(|s| s.models.clone()) {
            self.load(&id);
        }
        self.predict();
        self.evaluate_soon();
    }
}

/// The models with these ids, in the order of the ids.
fn found(ids: &[String], entries: &[ModelEntry]) -> Vec<ModelEntry> {
    let entry = |id: &String| entries.iter().find(|entry| entry.id == *id).cloned();
    ids.iter().filter_map(entry).collect()
}

#[cfg(test)]
pub(crate) mod tests;
