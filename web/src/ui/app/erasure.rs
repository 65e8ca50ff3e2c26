//! Erasing in the page: starts the engine that trains, shows the student after every epoch, and
//! keeps the result as a model.

use super::App;
use super::engines::EngineKind;
use crate::messages::{DefenceName, ErasureProgress, Request};
use crate::text;
use leptos::prelude::*;
use serde::Serialize;
use unstamp_shared::method::Values;

/// The defence that the page shows first: in the menu, and the model that it made.
pub const FIRST_DEFENCE: &str = "nad";

/// The id of the model that an erasure makes.
const ERASED: &str = "own-erased";

/// A running erasure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunningErasure {
    /// The id of the model with the backdoor.
    pub model: String,
    /// How far the erasure is.
    pub progress: ErasureProgress,
}

/// An erasure that waits for its engine.
#[derive(Clone, Debug)]
struct WaitingErasure {
    model: String,
    defence: String,
}

/// The running erasure and the defences for one.
#[derive(Clone, Copy)]
pub struct Erasure {
    /// The defences that the engine offers; empty until it has started.
    pub defences: RwSignal<Vec<DefenceName>>,
    /// The running erasure.
    pub running: RwSignal<Option<RunningErasure>>,
    request: StoredValue<u32>,
    waiting: StoredValue<Option<WaitingErasure>>,
}

impl Erasure {
    /// No erasure.
    pub fn new() -> Self {
        Self {
            defences: RwSignal::new(Vec::new()),
            running: RwSignal::new(None),
            request: StoredValue::new(0),
            waiting: StoredValue::new(None),
        }
    }

    /// Whether the request `id` is the running erasure.
    pub(super) fn is_request(&self, id: u32) -> bool {
        self.request.get_value() == id
    }
}

impl App {
    /// Erases the backdoor of a model with a defence. The first erasure starts the engine.
    pub fn erase(self, model: &str, defence: String) {
        let running =
            RunningErasure { model: model.to_string(), progress: ErasureProgress::default() };
        self.erasure.running.set(Some(running));
        self.erasure.waiting.set_value(Some(WaitingErasure { model: model.to_string(), defence }));
        match self.link() {
            Some(link) if self.erasure.defences.with_untracked(Vec::is_empty) => {
                link.start(EngineKind::Learn, false);
            }
            _ => self.begin_erasure(),
        }
    }

    /// Sends the waiting erasure to the engine, which has started.
    pub(super) fn begin_erasure(self) {
        let Some(link) = self.link() else { return };
        let waiting = self.erasure.waiting.try_update_value(Option::take).flatten();
        let Some(WaitingErasure { model, defence }) = waiting else { return };
        let Some(entry) = self.models.entry(&model) else { return };
        let id = link.id();
        self.erasure.request.set_value(id);
        let request =
            Request::Erase { id, entry: Box::new(entry), defence, set: Values::default() };
        self.models.with_file(&model, |bytes| link.send(EngineKind::Learn, &request, Some(bytes)));
    }

    /// Stops the erasure. The student of the last epoch stays.
    pub fn stop_erasure(self) {
        let Some(link) = self.link() else { return };
        let id = link.id();
        link.send(EngineKind::Learn, &Request::Stop { id }, None);
        self.erasure.request.set_value(id);
        self.erasure.waiting.set_value(None);
        self.erasure.running.set(None);
        self.evaluate_soon();
    }

    /// The engine that trains stopped; the next erasure starts it again.
    pub(super) fn leave_learn(self, message: String) {
        self.say(message);
        self.erasure.defences.set(Vec::new());
        self.erasure.running.set(None);
    }

    /// Shows the progress of the erasure, and the student if its weights came along.
    pub(super) fn receive_erasure(
        self,
        id: u32,
        model: String,
        progress: ErasureProgress,
        student: Vec<u8>,
    ) {
        if !self.erasure.is_request(id) {
            return;
        }
        let like = self.models.entry(&model).filter(|_| !student.is_empty());
        let running = (!progress.finished).then_some(RunningErasure { model, progress });
        self.erasure.running.set(running);
        if let Some(like) = like {
            self.adopt(ERASED, text::ERASED_MODEL, student, like);
        }
    }
}
