//! ACC, ASR, RA and floor of the chosen models.

use super::App;
use super::models::is_victim;
use crate::debounce::Debounce;
use crate::messages::Request;
use crate::state::State;
use crate::verdict::knows_signs;
use leptos::prelude::*;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::metrics::Report;

/// Test images that the page evaluates.
pub const IMAGES: usize = signs::TEST;

/// Images that every model is evaluated on before any model is evaluated on the rest.
const FIRST: usize = 200;

/// The page waits this long after a change before it evaluates, so that dragging the trigger does
/// not start an evaluation at every pixel.
const DELAY: Duration = Duration::from_millis(250);

/// Evaluations that the page remembers at most.
const MOST_KEPT: usize = 500;

/// No request has this number.
const NO_REQUEST: u32 = 0;

/// A stored, running or finished evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Images evaluated so far.
    pub seen: usize,
    /// Images in all.
    pub total: usize,
    /// The rates over the images so far.
    pub report: Report,
    /// Whether the rates are those of the list of models, and nothing is measured yet.
    pub stored: bool,
}

/// A running request.
#[derive(Clone, Debug, Default)]
struct Running {
    /// Its number.
    id: u32,
    /// The trigger, as the key of what is kept.
    trigger: String,
    /// The models whose last reply has not come.
    waiting: HashSet<String>,
}

/// The evaluations of the chosen models with the current trigger.
#[derive(Clone, Copy)]
pub struct Evaluation {
    /// The evaluations with the current trigger, by model id.
    pub progress: RwSignal<HashMap<String, Progress>>,
    /// All evaluations, by model id and trigger.
    kept: StoredValue<HashMap<(String, String), Progress>>,
    running: StoredValue<Running>,
    delay: Debounce,
}

impl Evaluation {
    /// No evaluation.
    pub fn new() -> Self {
        Self {
            progress: RwSignal::new(HashMap::new()),
            kept: StoredValue::new(HashMap::new()),
            running: StoredValue::new(Running::default()),
            delay: Debounce::new(DELAY),
        }
    }

    /// Ignores the replies of a running evaluation.
    fn stop(&self) {
        self.running.update_value(|running| running.id = NO_REQUEST);
    }

    /// Whether this is the running request.
    pub(super) fn is_request(&self, id: u32) -> bool {
        self.running.with_value(|running| running.id == id)
    }

    /// Removes everything that is known of a model, whose weights have changed.
    pub(super) fn forget_model(&self, model: &str) {
        self.stop();
        self.kept.update_value(|kept| kept.retain(|(id, _), _| id != model));
        self.progress.update(|all| _ = all.remove(model));
    }

    /// Keeps the reply to request `id`, unless the request is no longer current. Whether it was the
    /// last reply.
    pub(super) fn receive(&self, id: u32, model: String, progress: Progress) -> bool {
        if !self.is_request(id) {
            return false;
        }
        let trigger = self.running.with_value(|running| running.trigger.clone());
        let ended = progress.seen >= progress.total;
        let progress = Progress { total: IMAGES, ..progress };
        // The second round begins with the images of the first.
        if progress.seen > self.seen(&model, &trigger) {
            let key = (model.clone(), trigger);
            self.kept.update_value(|kept| {
                if kept.len() >= MOST_KEPT {
                    kept.clear();
                }
                kept.insert(key, progress.clone());
            });
            self.progress.update(|all| _ = all.insert(model.clone(), progress));
        }
        let left = self.running.try_update_value(|running| {
            if ended {
                running.waiting.remove(&model);
            }
            running.waiting.len()
        });
        left == Some(0)
    }

    /// The images that a model was evaluated on with this trigger.
    fn seen(&self, model: &str, trigger: &str) -> usize {
        let key = (model.to_string(), trigger.to_string());
        self.kept.with_value(|kept| kept.get(&key).map_or(0, |known| known.seen))
    }
}

/// The trigger as a key.
fn key(state: &State) -> String {
    serde_json::to_string(&state.record()).unwrap_or_default()
}

/// The rates of the list of models, if they belong to the trigger on the page. A model of the visitor has
/// none; its entry is made after another one.
fn stored(entry: &ModelEntry, state: &State) -> Option<Progress> {
    if entry.role == ModelRole::Own {
        return None;
    }
    let record = entry.trigger.as_ref()?;
    let is_its_own = is_victim(entry) || entry.report.asr.is_some();
    let report = entry.report.clone();
    let is_same = is_its_own && state.with_trigger(record) == *state;
    is_same.then_some(Progress { seen: 0, total: IMAGES, report, stored: true })
}

impl App {
    /// Shows what is known of the chosen models with the current trigger, and evaluates the rest.
    pub(super) fn recall(self) {
        self.evaluation.stop();
        self.fires.stop();
        let chosen = self.chosen_untracked();
        let state = self.state.get_untracked();
        let trigger = key(&state);
        let known = |entry: &ModelEntry| {
            let key = (entry.id.clone(), trigger.clone());
            let kept = self.evaluation.kept.with_value(|kept| kept.get(&key).cloned());
            Some((entry.id.clone(), kept.or_else(|| stored(entry, &state))?))
        };
        self.evaluation.progress.set(chosen.iter().filter_map(known).collect());
        self.evaluate_soon();
    }

    /// Starts an evaluation after [`DELAY`], instead of one that waits already.
    pub(super) fn evaluate_soon(self) {
        if self.link().is_none() {
            return;
        }
        self.evaluation.delay.call(move || self.evaluate());
    }

    /// Evaluates the chosen models on the first images, or, when all have that, on all images.
    pub(super) fn evaluate(&self) {
        // The engine answers only the newest request.
        if self.fires.is_running() {
            return;
        }
        let trigger = self.state.with_untracked(key);
        let mut models = self.ready_models();
        models.retain(|id| self.models.entry(id).is_some_and(|entry| knows_signs(&entry)));
        let short_of = |images: usize| {
            let is_short = |id: &&String| self.evaluation.seen(id, &trigger) < images;
            models.iter().filter(is_short).cloned().collect::<Vec<_>>()
        };
        let first = short_of(FIRST);
        let (models, images) =
            if first.is_empty() { (short_of(IMAGES), IMAGES) } else { (first, FIRST) };
        let Some(link) = self.link().filter(|_| !models.is_empty()) else { return };
        let id = link.id();
        let waiting = models.iter().cloned().collect();
        self.evaluation.running.set_value(Running { id, trigger, waiting });
        let trigger = self.state.with_untracked(State::record);
        link.send(self.engine(), &Request::Evaluate { id, models, trigger, images }, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::report;

    fn progress(seen: usize, total: usize) -> Progress {
        Progress { seen, total, report: report(), stored: false }
    }

    fn run(evaluation: Evaluation, id: u32, models: &[&str]) {
        let waiting = models.iter().map(|model| model.to_string()).collect();
        evaluation.running.set_value(Running { id, trigger: "t".to_string(), waiting });
    }

    fn shown(evaluation: Evaluation) -> Vec<usize> {
        evaluation.progress.get_untracked().values().map(|progress| progress.seen).collect()
    }

    #[test]
    fn only_the_current_evaluation_counts() {
        Owner::new().with(|| {
            let evaluation = Evaluation::new();
            run(evaluation, 7, &["a"]);
            assert!(!evaluation.receive(6, "a".to_string(), progress(1, FIRST)));
            assert!(shown(evaluation).is_empty());
            assert!(!evaluation.receive(7, "a".to_string(), progress(2, FIRST)));
            assert_eq!(shown(evaluation), [2]);
            evaluation.stop();
            assert!(!evaluation.receive(7, "a".to_string(), progress(3, FIRST)));
            assert_eq!(shown(evaluation), [2]);
        });
    }

    #[test]
    fn the_second_round_does_not_show_fewer_images_than_the_first() {
        Owner::new().with(|| {
            let evaluation = Evaluation::new();
            run(evaluation, 1, &["a", "b"]);
            assert!(!evaluation.receive(1, "a".to_string(), progress(FIRST, FIRST)));
            assert!(
                evaluation.receive(1, "b".to_string(), progress(FIRST, FIRST)),
                "the last reply"
            );
            run(evaluation, 2, &["a"]);
            assert!(!evaluation.receive(2, "a".to_string(), progress(FIRST / 2, IMAGES)));
            assert_eq!(evaluation.seen("a", "t"), FIRST);
            assert!(evaluation.receive(2, "a".to_string(), progress(IMAGES, IMAGES)));
            assert_eq!(evaluation.seen("a", "t"), IMAGES);
            assert_eq!(evaluation.seen("a", "another"), 0);
        });
    }

    #[test]
    fn a_model_whose_weights_change_is_forgotten() {
        Owner::new().with(|| {
            let evaluation = Evaluation::new();
            run(evaluation, 1, &["a"]);
            evaluation.receive(1, "a".to_string(), progress(FIRST, FIRST));
            evaluation.forget_model("a");
            assert_eq!(evaluation.seen("a", "t"), 0);
            assert!(shown(evaluation).is_empty());
        });
    }
}
