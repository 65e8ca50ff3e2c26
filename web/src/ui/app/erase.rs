//! Erasing in the page: loads the engine that trains, shows the student while it learns, keeps the
//! result.

use super::App;
use crate::link::Which;
use crate::messages::{Erasing, Request};
use leptos::prelude::*;
use unstamp_shared::method::Values;

impl App {
    /// Erases from a loaded model with a defence; the first time the engine must come before.
    pub fn erase(self, model: &str, defence: String) {
        self.erasing.set(Some((model.to_string(), Erasing::default())));
        self.inner.update_value(|inner| inner.wish = Some((model.to_string(), defence)));
        match self.link() {
            Some(link) if self.defences.with_untracked(Vec::is_empty) => {
                link.start(Which::Learn, false);
            }
            _ => self.begin_erasing(),
        }
    }

    /// Asks for what was wished, with the engine there.
    pub(super) fn begin_erasing(self) {
        let Some(link) = self.link() else { return };
        let id = link.id();
        self.inner.update_value(|inner| {
            let Some((model, defence)) = inner.wish.take() else { return };
            let entry = self.models.with_untracked(|m| m.iter().find(|m| m.id == model).cloned());
            let (Some(entry), Some(bytes)) = (entry, inner.weights.get(&model)) else { return };
            let (entry, set) = (Box::new(entry), Values::default());
            link.send(Which::Learn, &Request::Erase { id, entry, defence, set }, Some(bytes));
            inner.erasure = id;
        });
    }

    /// Ends it; what was learned so far stays.
    pub fn stop_erasing(self) {
        let Some(link) = self.link() else { return };
        let id = link.id();
        link.send(Which::Learn, &Request::Stop { id }, None);
        self.inner.update_value(|inner| (inner.erasure, inner.wish) = (id, None));
        self.erasing.set(None);
        self.evaluate_soon();
    }

    /// The engine that trains could not be loaded or broke down; it is loaded anew when asked.
    pub(super) fn leave_learn(self, message: &str) {
        self.message.set(message.to_string());
        self.defences.set(Vec::new());
        self.erasing.set(None);
    }

    pub(super) fn hear_erasing(self, id: u32, model: &str, erasing: Erasing, weights: Vec<u8>) {
        if self.inner.with_value(|inner| inner.erasure != id) {
            return;
        }
        let finished = erasing.finished;
        self.erasing.set((!finished).then(|| (model.to_string(), erasing)));
        let like = self.models.with_untracked(|m| m.iter().find(|m| m.id == model).cloned());
        if let (Some(like), false) = (like, weights.is_empty()) {
            self.adopt("erased here", weights, like);
        }
    }
}
