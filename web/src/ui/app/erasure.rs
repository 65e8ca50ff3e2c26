//! Erasing in the page: starts the engine that trains, shows the student after every epoch, and
//! keeps the result as a model.

use super::App;
use super::engines::EngineKind;
use crate::messages::{DefenceName, ErasureProgress, Request};
use crate::text;
use leptos::prelude::*;
use serde::Serialize;
use std::collections::HashSet;
use unstamp_shared::method::Values;

/// The defence that the page shows first: in the menu, and the model that it made.
pub const FIRST_DEFENCE: &str = "nad";

/// A running erasure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunningErasure {
    /// The id of the model with the backdoor.
    pub model: String,
    /// The id of the model that the erasure makes.
    pub student: String,
    /// Id of the defence.
    pub defence: String,
    /// How far the erasure is.
    pub progress: ErasureProgress,
}

/// The running erasure and the defences for one.
#[derive(Clone, Copy)]
pub struct Erasure {
    /// The defences that the engine offers; empty until it has started.
    pub defences: RwSignal<Vec<DefenceName>>,
    /// The running erasure.
    pub running: RwSignal<Option<RunningErasure>>,
    request: StoredValue<u32>,
    /// Whether the running erasure waits for its engine.
    waits: StoredValue<bool>,
    /// Erasures that were started; each makes a model of its own.
    count: StoredValue<usize>,
    /// The ids of the models that erasures made.
    made: StoredValue<HashSet<String>>,
}

impl Erasure {
    /// No erasure.
    pub fn new() -> Self {
        Self {
            defences: RwSignal::new(Vec::new()),
            running: RwSignal::new(None),
            request: StoredValue::new(0),
            waits: StoredValue::new(false),
            count: StoredValue::new(0),
            made: StoredValue::new(HashSet::new()),
        }
    }

    /// Whether an erasure made this model.
    pub fn has_made(&self, id: &str) -> bool {
        self.made.with_value(|made| made.contains(id))
    }

    /// The title of a defence, or its id while the engine has not named it.
    fn title(&self, defence: &str) -> String {
        let named = self.defences.with_untracked(|all| {
            all.iter().find(|known| known.id == defence).map(|known| known.title.clone())
        });
        named.unwrap_or(defence.to_string())
    }

    /// Whether the request `id` is the running erasure.
    pub(super) fn is_request(&self, id: u32) -> bool {
        self.request.get_value() == id
    }
}

impl App {
    /// Erases the backdoor of a model with a defence. The first erasure starts the engine.
    pub fn erase(self, model: &str, defence: String) {
        let count = self.erasure.count.get_value() + 1;
        self.erasure.count.set_value(count);
        let running = RunningErasure {
            model: model.to_string(),
            student: format!("own-erased-{count}"),
            defence,
            progress: ErasureProgress::default(),
        };
        self.erasure.running.set(Some(running));
        self.erasure.waits.set_value(true);
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
        let waited = self.erasure.waits.try_update_value(std::mem::take) == Some(true);
        let Some(running) = self.erasure.running.get_untracked().filter(|_| waited) else { return };
        let RunningErasure { model, defence, .. } = running;
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
        self.end_erasure();
    }

    /// Ends an erasure that was stopped or failed. The student of the last epoch stays, with a title that
    /// says where it ended.
    pub(super) fn end_erasure(self) {
        self.erasure.waits.set_value(false);
        if let Some(RunningErasure { student, defence, progress, .. }) =
            self.erasure.running.get_untracked()
        {
            let title = text::stopped_erasure(&self.erasure.title(&defence), progress.epoch);
            self.models.rename(&student, &title);
        }
        self.erasure.running.set(None);
        self.evaluate_soon();
    }

    /// The engine that trains stopped; the next erasure starts it again.
    pub(super) fn leave_learn(self, message: String) {
        self.say(message);
        self.end_erasure();
        self.erasure.defences.set(Vec::new());
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
        let Some(running) = self.erasure.running.get_untracked() else { return };
        let RunningErasure { student: id, defence, .. } = running;
        let title = text::erased_model(&self.erasure.title(&defence), &progress);
        let like = self.models.entry(&model).filter(|_| !student.is_empty());
        let is_finished = progress.finished;
        let running = RunningErasure { model, student: id.clone(), defence, progress };
        self.erasure.running.set((!is_finished).then_some(running));
        if let Some(like) = like {
            self.erasure.made.update_value(|made| _ = made.insert(id.clone()));
            self.adopt(&id, &title, student, like);
        }
    }
}
