//! The models of the page: their list, their files, and which engine has loaded them.

use super::App;
use super::engines::EngineKind;
use super::erasure::FIRST_DEFENCE;
use crate::messages::{Answer, Request};
use crate::{fetch, text};
use leptos::prelude::*;
use std::collections::{HashMap, HashSet};
use unstamp_shared::manifest::{Manifest, ModelEntry, ModelRole};
use unstamp_shared::seed::sha256;

const MANIFEST: &str = "./models/manifest.json";

/// The roles of the models that the page shows first: the first victim, the first model that
/// [`FIRST_DEFENCE`] made, the first clean model.
const FIRST_ROLES: [fn(&ModelRole) -> bool; 3] = [
    |role| *role == ModelRole::Victim,
    |role| matches!(role, ModelRole::Erased(id) if id == FIRST_DEFENCE),
    |role| *role == ModelRole::Clean,
];

/// The ids of the models that the page shows first; fewer if the site has not every role.
fn first_models(models: &[ModelEntry]) -> Vec<String> {
    let first = FIRST_ROLES.iter();
    let first = first.filter_map(|fits| models.iter().find(|model| fits(&model.role)));
    first.map(|model| model.id.clone()).collect()
}

/// Whether a model has a backdoor.
pub fn is_victim(entry: &ModelEntry) -> bool {
    entry.role == ModelRole::Victim
}

/// The models and their predictions.
#[derive(Clone, Copy)]
pub struct Models {
    /// All models that the visitor can choose.
    pub entries: RwSignal<Vec<ModelEntry>>,
    /// The predictions for the image on the page, by model id.
    pub answers: RwSignal<HashMap<String, Answer>>,
    /// The share of the first models that has arrived; `None` after loading.
    pub loading: RwSignal<Option<f64>>,
    /// The bytes of the model files, by model id.
    files: StoredValue<HashMap<String, Vec<u8>>>,
    /// Models that the visitor opened so far.
    opened: StoredValue<usize>,
    /// The models that each engine has.
    loaded: StoredValue<HashSet<(EngineKind, String)>>,
    /// The published models that cannot be used. They are not tried again.
    refused: RwSignal<HashSet<String>>,
}

impl Models {
    /// No models yet.
    pub fn new() -> Self {
        Self {
            entries: RwSignal::new(Vec::new()),
            answers: RwSignal::new(HashMap::new()),
            loading: RwSignal::new(Some(0.0)),
            files: StoredValue::new(HashMap::new()),
            opened: StoredValue::new(0),
            loaded: StoredValue::new(HashSet::new()),
            refused: RwSignal::new(HashSet::new()),
        }
    }

    /// Whether a model cannot be used.
    pub fn is_refused(&self, id: &str) -> bool {
        self.refused.with(|refused| refused.contains(id))
    }

    /// The id of a model that the visitor opens. Names of files would not survive an address.
    pub fn new_id(&self) -> String {
        let number = self.opened.get_value() + 1;
        self.opened.set_value(number);
        format!("own-{number}")
    }

    /// Marks a model that cannot be used.
    pub(super) fn refuse(&self, id: &str) {
        self.refused.update(|refused| _ = refused.insert(id.to_string()));
    }

    /// Removes ids of models that do not exist, once the list of models is there. Without any left, the first
    /// models take their place.
    pub(super) fn keep_known(&self, ids: &mut Vec<String>) {
        self.entries.with_untracked(|entries| {
            if entries.is_empty() {
                return;
            }
            ids.retain(|id| entries.iter().any(|entry| entry.id == *id));
            if ids.is_empty() {
                *ids = first_models(entries);
            }
        });
    }

    /// The model with this id.
    pub fn entry(&self, id: &str) -> Option<ModelEntry> {
        self.entries.with_untracked(|entries| entries.iter().find(|m| m.id == id).cloned())
    }

    /// The title of a model; it changes while an erasure runs.
    pub fn title(&self, id: &str) -> String {
        let title = |entries: &Vec<ModelEntry>| {
            entries.iter().find(|entry| entry.id == id).map(|entry| entry.title.clone())
        };
        self.entries.with(title).unwrap_or_default()
    }

    /// Gives a model another title.
    pub(super) fn rename(&self, id: &str, title: &str) {
        self.entries.update(|entries| {
            let named = entries.iter_mut().filter(|entry| entry.id == id);
            named.for_each(|entry| entry.title = title.to_string());
        });
    }

    /// Whether the visitor brought or made this model.
    pub fn is_own(&self, id: &str) -> bool {
        self.entry(id).is_some_and(|entry| entry.role == ModelRole::Own)
    }

    /// Calls `use_file` with the bytes of a model file, if the page has them.
    pub fn with_file<T>(&self, id: &str, use_file: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.files.with_value(|files| files.get(id).map(|bytes| use_file(bytes)))
    }

    /// No engine has this model any more.
    pub(super) fn forget(&self, id: &str) {
        self.loaded.update_value(|loaded| loaded.retain(|(_, model)| model != id));
    }

    /// This engine has no models any more.
    pub(super) fn forget_engine(&self, engine: EngineKind) {
        self.loaded.update_value(|loaded| loaded.retain(|(kind, _)| *kind != engine));
    }
}

impl App {
    /// Loads the list of models. Models in the address that do not exist are dropped; without any,
    /// the page shows the first of each of [`FIRST_ROLES`].
    pub(super) async fn load_manifest(self) {
        let Some(bytes) = fetch::bytes(MANIFEST, |_| ()).await else {
            return self.fail(text::missing_file(MANIFEST));
        };
        // Text, as the messages of the engines are: a reader of bytes would be a second one in the program.
        let text = String::from_utf8_lossy(&bytes);
        let manifest: Manifest = match serde_json::from_str(&text) {
            Ok(manifest) => manifest,
            Err(error) => return self.fail(text::unreadable_manifest(&error.to_string())),
        };
        self.models.entries.set(manifest.models);
        self.state.update(|state| self.models.keep_known(&mut state.models));
        // The stored rates come with the list.
        self.recall();
    }

    /// Downloads the files of these models, unless the page has them, and loads the models.
    pub(super) async fn fetch_models(self, ids: Vec<String>) {
        for id in ids {
            let Some(entry) = self.models.entry(&id) else { continue };
            if self.models.refused.with_untracked(|refused| refused.contains(&id)) {
                continue;
            }
            if self.models.with_file(&id, |_| ()).is_some() {
                self.load(&id);
                continue;
            }
            let version = entry.sha256.get(..8).unwrap_or(&entry.sha256);
            let url = format!("./models/{}?v={version}", entry.file);
            let size = entry.bytes.max(1) as f64;
            let loading = self.models.loading;
            let progress = move |arrived: usize| {
                if loading.get_untracked().is_some() {
                    loading.set(Some((arrived as f64 / size).min(1.0)));
                }
            };
            match fetch::bytes(&url, progress).await {
                Some(bytes) if sha256(&bytes) != entry.sha256 => {
                    self.models.refuse(&id);
                    self.fail(text::other_file(&entry.file));
                }
                Some(bytes) => {
                    self.models.files.update_value(|files| _ = files.insert(id.clone(), bytes));
                    self.load(&id);
                }
                None => {
                    self.models.refuse(&id);
                    self.fail(text::missing_file(&url));
                }
            }
        }
    }

    /// Adds and chooses a model of the visitor, or replaces the one with this id. Everything but
    /// id, title and file is as in `like`.
    pub fn adopt(&self, id: &str, title: &str, bytes: Vec<u8>, like: ModelEntry) {
        let entry = ModelEntry {
            id: id.to_string(),
            title: title.to_string(),
            file: title.to_string(),
            role: ModelRole::Own,
            ..like
        };
        self.models.refused.update(|refused| _ = refused.remove(id));
        self.models.forget(id);
        self.evaluation.forget_model(id);
        self.models.files.update_value(|files| _ = files.insert(id.to_string(), bytes));
        self.models.entries.update(|entries| {
            entries.retain(|model| model.id != id);
            entries.push(entry);
        });
        self.state.update(|state| {
            if !state.models.iter().any(|model| model == id) {
                state.models.push(id.to_string());
            }
        });
    }

    /// Loads a model into the engine that predicts, once one has started.
    pub(super) fn load(&self, id: &str) {
        if self.engines.with_untracked(|engines| engines.active().is_some()) {
            self.load_into(self.engine(), id, false);
        }
    }

    /// Loads a model into an engine, unless the engine has it.
    pub(super) fn load_into(&self, engine: EngineKind, id: &str, corrupt: bool) {
        let Some(link) = self.link() else { return };
        let Some(entry) = self.models.entry(id) else { return };
        self.models.with_file(id, |bytes| {
            if self.models.refused.with_untracked(|refused| refused.contains(id)) {
                return;
            }
            let key = (engine, id.to_string());
            let is_new = self.models.loaded.try_update_value(|loaded| loaded.insert(key));
            if is_new == Some(true) {
                let request = Request::Load { id: link.id(), entry: Box::new(entry), corrupt };
                link.send(engine, &request, Some(bytes));
            }
        });
    }

    /// The chosen models that the engine in use has.
    pub(super) fn ready_models(&self) -> Vec<String> {
        let engine = self.engine();
        let chosen = self.state.with_untracked(|s| s.models.clone());
        self.models.loaded.with_value(|loaded| {
            let is_loaded = |id: &String| loaded.contains(&(engine, id.clone()));
            chosen.into_iter().filter(is_loaded).collect()
        })
    }

    /// A chosen model of the site; only such a model holds answers for the self-test.
    pub(super) fn self_test_model(&self) -> Option<String> {
        self.ready_models().into_iter().find(|id| !self.models.is_own(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::entry;

    fn erased(id: &str, defence: &str) -> ModelEntry {
        entry(id, ModelRole::Erased(defence.to_string()))
    }

    #[test]
    fn the_page_shows_one_model_of_each_role_first() {
        let all = [
            entry("clean", ModelRole::Clean),
            erased("tuned", "fine_tune"),
            entry("victim", ModelRole::Victim),
            erased("distilled", FIRST_DEFENCE),
            entry("other", ModelRole::Victim),
        ];
        assert_eq!(first_models(&all), ["victim", "distilled", "clean"]);
        assert_eq!(first_models(&all[..2]), ["clean"]);
        assert!(first_models(&[]).is_empty());
    }

    #[test]
    fn an_engine_that_starts_again_has_no_models() {
        Owner::new().with(|| {
            let models = Models::new();
            let keys = [EngineKind::Cpu, EngineKind::WebGpu].map(|kind| (kind, "a".to_string()));
            models.loaded.set_value(keys.clone().into());
            models.forget_engine(EngineKind::WebGpu);
            assert_eq!(models.loaded.get_value(), [keys[0].clone()].into());
            models.forget("a");
            assert!(models.loaded.with_value(HashSet::is_empty));
        });
    }
}
