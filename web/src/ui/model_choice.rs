//! The choice of the models that the page compares.

use crate::app::App;
use crate::app::models::is_victim;
use crate::text;
use leptos::prelude::*;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::poison::TriggerRecord;

/// Adds a model to the choice, or removes it. With a victim comes its trigger; another trigger
/// would not change its predictions.
fn toggle(app: App, id: &str, trigger: Option<&TriggerRecord>) {
    app.state.update(|state| match state.models.iter().position(|model| model == id) {
        Some(at) => _ = state.models.remove(at),
        None => {
            if let Some(record) = trigger {
                *state = state.with_trigger(record);
            }
            state.models.push(id.to_string());
        }
    });
}

/// The checkbox of one model.
#[component]
fn ModelBox(app: App, entry: ModelEntry) -> impl IntoView {
    let victim = is_victim(&entry);
    let ModelEntry { id, title, trigger, .. } = entry;
    let trigger = trigger.filter(|_| victim);
    let chosen = id.clone();
    let checked = move || app.state.with(|state| state.models.contains(&chosen));
    let value = id.clone();
    view! {
        <label class="chip">
            <input type="checkbox" value=value prop:checked=checked
                on:change=move |_| toggle(app, &id, trigger.as_ref()) />
            <span>{title}</span>
        </label>
    }
}

/// A checkbox for every model.
#[component]
pub fn ModelChoice(app: App) -> impl IntoView {
    let boxes = move || {
        let entries = app.models.entries.get().into_iter();
        entries.map(|entry| view! { <ModelBox app=app entry=entry /> }).collect_view()
    };
    view! { <div class="chips" role="group" aria-label=text::MODELS_TO_COMPARE>{boxes}</div> }
}
