//! The part of a victim's row that erases its backdoor in the page.

use crate::app::App;
use crate::app::erasure::FIRST_DEFENCE;
use crate::messages::{DefenceName, ErasureProgress};
use crate::text;
use leptos::prelude::*;
use unstamp_shared::datasets::signs;
use unstamp_shared::poison::{CLEAN_SHARE, clean_count};

/// The first step of an erasure that was seen: when, and how many steps were done.
type Began = StoredValue<Option<(f64, usize)>>;

/// How long the erasure still takes, by the steps since the first that was seen.
fn left(progress: &ErasureProgress, began: Began) -> Option<f64> {
    let now = js_sys::Date::now();
    let (start, first) = began.get_value().unwrap_or((now, progress.done));
    began.set_value(Some((start, first)));
    let done = progress.done.checked_sub(first).filter(|done| *done > 0)?;
    let rest = progress.total.saturating_sub(progress.done);
    Some((now - start) / 1000.0 * rest as f64 / done as f64)
}

/// The progress of the erasure, with a button that stops it.
fn running(app: App, progress: &ErasureProgress, began: Began) -> impl IntoView + use<> {
    let left = left(progress, began).map(|seconds| format!(", {}", text::seconds_left(seconds)));
    view! {
        <div class="row erase">
            <progress max=progress.total.max(1) value=progress.done aria-label=text::ERASING></progress>
            <button on:click=move |_| app.stop_erasure()>{text::STOP}</button>
            <span class="small">{text::erasure(progress)}{left}<br/>{text::losses(progress)}</span>
        </div>
    }
}

/// The menu of defences and the button that starts one.
fn choice(app: App, model: String, chosen: RwSignal<String>) -> impl IntoView {
    let no_defences = move || app.erasure.defences.with(Vec::is_empty);
    let help = text::erase_help(clean_count(signs::TRAIN, CLEAN_SHARE));
    let busy = move || app.erasure.running.with(Option::is_some);
    let options = move || {
        let defences = app.erasure.defences.get().into_iter();
        let option = |defence: DefenceName| {
            let selected = defence.id == chosen.get_untracked();
            view! { <option value=defence.id selected=selected>{defence.title}</option> }
        };
        defences.map(option).collect_view()
    };
    view! {
        <div class="row erase">
            <select class:hidden=no_defences aria-label=text::DEFENCE prop:value=move || chosen.get()
                on:change=move |event| chosen.set(event_target_value(&event))>{options}</select>
            <button disabled=busy title=help
                on:click=move |_| app.erase(&model, chosen.get_untracked())>{text::ERASE}</button>
        </div>
    }
}

/// A defence to run on this model, or the progress of the one that runs.
#[component]
pub fn ErasePanel(app: App, model: String) -> impl IntoView {
    let chosen = RwSignal::new(FIRST_DEFENCE.to_string());
    let began = Began::new(None);
    move || {
        let erasure = app.erasure.running.get().filter(|erasure| erasure.model == model);
        match erasure {
            Some(erasure) => running(app, &erasure.progress, began).into_any(),
            None => {
                began.set_value(None);
                choice(app, model.clone(), chosen).into_any()
            }
        }
    }
}
