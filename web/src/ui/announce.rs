//! Tells screen readers the predictions once they rest.

use crate::app::App;
use crate::text;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use std::time::Duration;

/// Predictions rest if they did not change for this long; dragging a trigger changes them many times a
/// second.
const REST: Duration = Duration::from_millis(900);

/// One sentence for each chosen model.
fn sentences(app: App) -> String {
    let chosen = app.chosen();
    let sentence = |entry| {
        let (class, verdict) = app.verdict(entry)?;
        let name = entry.class_names.get(class).cloned().unwrap_or_default();
        Some(format!("{}: {}.", entry.title, text::verdict(&name, verdict)))
    };
    chosen.iter().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

/// An element that only screen readers show.
#[component]
pub fn Announcement(app: App) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let current = Memo::new(move |_| sentences(app));
    Effect::new(move || {
        let sentences = current.get();
        let later = set_timeout_with_handle(move || said.set(sentences), REST).ok();
        let old = timer.try_update_value(|kept| std::mem::replace(kept, later));
        if let Some(Some(old)) = old {
            old.clear();
        }
    });
    view! { <p id="announcement" class="unseen" role="status">{said}</p> }
}
