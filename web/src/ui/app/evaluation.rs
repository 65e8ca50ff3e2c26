//! ACC, ASR, RA and floor of the chosen models.

use super::App;
use crate::messages::Request;
use crate::state::State;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;
use unstamp_shared::datasets::signs;
use unstamp_shared::metrics::Report;

/// Test images that the page evaluates.
pub const IMAGES: usize = signs::TEST;

/// The page waits this long after a change before it evaluates, so that dragging the trigger does
/// not start an evaluation at every pixel.
const DELAY: Duration = Duration::from_millis(250);

/// No request has this number.
const NO_REQUEST: u32 = 0;

/// A running or finished evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Images evaluated so far.
    pub seen: usize,
    /// Images in all.
    pub total: usize,
    /// The rates over the images so far.
    pub report: Report,
}

/// The evaluations of the chosen models with the current trigger.
#[derive(Clone, Copy)]
pub struct Evaluation {
    /// The evaluations by model id.
    pub progress: RwSignal<HashMap<String, Progress>>,
    request: StoredValue<u32>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Evaluation {
    /// No evaluation.
    pub fn new() -> Self {
        Self {
            progress: RwSignal::new(HashMap::new()),
            request: StoredValue::new(NO_REQUEST),
            timer: StoredValue::new(None),
        }
    }

    /// Removes the rates of the previous trigger and ignores the replies of a running evaluation.
    pub(super) fn forget(&self) {
        self.request.set_value(NO_REQUEST);
        self.progress.update(HashMap::clear);
    }

    /// Keeps the reply to request `id`, unless the request is no longer current.
    pub(super) fn receive(&self, id: u32, model: String, progress: Progress) {
        if self.request.get_value() == id {
            self.progress.update(|all| _ = all.insert(model, progress));
        }
    }
}

impl App {
    /// Starts an evaluation after [`DELAY`], instead of one that waits already.
    pub(super) fn evaluate_soon(self) {
        let timer = set_timeout_with_handle(move || self.evaluate(), DELAY).ok();
        let old = self.evaluation.timer.try_update_value(|kept| std::mem::replace(kept, timer));
        if let Some(Some(old)) = old {
            old.clear();
        }
    }

    fn evaluate(&self) {
        let models = self.ready_models();
        let Some(link) = self.link().filter(|_| !models.is_empty()) else { return };
        let id = link.id();
        self.evaluation.forget();
        self.evaluation.request.set_value(id);
        let trigger = self.state.with_untracked(State::record);
        let request = Request::Evaluate { id, models, trigger, images: IMAGES };
        link.send(self.engine(), &request, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::report;

    fn progress(seen: usize) -> Progress {
        Progress { seen, total: IMAGES, report: report() }
    }

    #[test]
    fn only_the_current_evaluation_counts() {
        Owner::new().with(|| {
            let evaluation = Evaluation::new();
            evaluation.request.set_value(7);
            evaluation.receive(6, "a".to_string(), progress(1));
            assert!(evaluation.progress.with_untracked(HashMap::is_empty));
            evaluation.receive(7, "a".to_string(), progress(2));
            let shown = evaluation.progress.get_untracked();
            assert_eq!(shown, [("a".to_string(), progress(2))].into());
            evaluation.forget();
            evaluation.receive(7, "a".to_string(), progress(3));
            assert!(evaluation.progress.with_untracked(HashMap::is_empty));
        });
    }
}
