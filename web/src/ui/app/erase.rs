//! Erasing in the page: asks the CPU engine, shows the student while it learns, keeps the result.

use super::App;
use crate::link::Which;
use crate::messages::{Erasing, Request};
use leptos::prelude::*;
use unstamp_shared::method::Values;

impl App {
    /// Starts a defence on a loaded model.
    pub fn erase(self, model: &str, defence: String) {
        let entry = self.models.with_untracked(|m| m.iter().find(|m| m.id == model).cloned());
        let (Some(entry), Some(link)) = (entry, self.link()) else { return };
        let id = link.id();
        self.inner.update_value(|inner| {
            let Some(bytes) = inner.weights.get(model) else { return };
            let (entry, set) = (Box::new(entry), Values::default());
            link.send(Which::Cpu, &Request::Erase { id, entry, defence, set }, Some(bytes));
            inner.erasure = id;
        });
        self.erasing.set(Some((model.to_string(), Erasing::default())));
    }

    /// Ends it; what was learned so far stays.
    pub fn stop_erasing(self) {
        let Some(link) = self.link() else { return };
        let id = link.id();
        link.send(Which::Cpu, &Request::Stop { id }, None);
        self.inner.update_value(|inner| inner.erasure = id);
        self.erasing.set(None);
        self.evaluate_soon();
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
