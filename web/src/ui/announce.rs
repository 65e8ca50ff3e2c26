//! Tells screen readers the predictions once they rest.

use crate::app::App;
use crate::debounce::Debounce;
use leptos::prelude::*;
use std::time::Duration;
use unstamp_shared::manifest::ModelEntry;

/// Predictions rest if they did not change for this long; dragging a trigger changes them many times a
/// second.
const REST: Duration = Duration::from_millis(900);

/// One sentence for each chosen model.
fn sentences(app: App) -> String {
    let chosen = app.chosen();
    let sentence = |entry: &ModelEntry| Some(format!("{}: {}.", entry.title, app.says(entry)?.1));
    chosen.iter().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

/// An element that only screen readers show.
#[component]
pub fn Announcement(app: App) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let rest = Debounce::new(REST);
    let current = Memo::new(move |_| sentences(app));
    Effect::new(move || {
        let sentences = current.get();
        rest.call(move || said.set(sentences));
    });
    view! { <p id="announcement" class="unseen" role="status">{said}</p> }
}
