//! The card of a model: its prediction, its attention maps and its rates.

use crate::app::App;
use crate::app::models::is_victim;
use crate::erase_panel::ErasePanel;
use crate::rates::rates;
use crate::state::State;
use crate::text::{self, percent};
use crate::{messages::Answer, paint};
use leptos::html;
use leptos::prelude::*;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::poison::TriggerRecord;

/// Classes that a card lists.
const CLASSES: usize = 4;

/// The classes with the largest probabilities, as bars; `target` is marked.
fn bars(answer: &Answer, names: &[String], target: usize) -> impl IntoView + use<> {
    let mut order: Vec<usize> = (0..answer.probabilities.len()).collect();
    order.sort_by(|a, b| answer.probabilities[*b].total_cmp(&answer.probabilities[*a]));
    let bar = |class: usize| {
        let probability = percent(f64::from(answer.probabilities[class]));
        let name = names.get(class).cloned().unwrap_or_default();
        view! {
            <li class:target=class == target>
                <span class="name">{name}</span>
                <span class="track"><span class="fill" style:width=probability.clone()></span></span>
                <span class="number">{probability}</span>
            </li>
        }
    };
    order.into_iter().take(CLASSES).map(bar).collect_view()
}

/// One attention map over the image.
#[component]
fn Map(app: App, model: String, index: usize) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move || {
        let map = app
            .models
            .answers
            .with(|answers| answers.get(&model).and_then(|answer| answer.maps.get(index).cloned()));
        if let (Some(canvas), Some(map)) = (canvas.get(), map) {
            app.picture.stamped.with(|image| paint::attention(&canvas, image, &map));
        }
    });
    view! {
        <figure>
            <canvas node_ref=canvas role="img" aria-label=text::map_label(index)></canvas>
            <figcaption>{text::map_caption(index)}</figcaption>
        </figure>
    }
}

/// All attention maps that the network gives.
#[component]
fn Maps(app: App, model: String) -> impl IntoView {
    let counted = model.clone();
    let count = Memo::new(move |_| {
        app.models.answers.with(|answers| answers.get(&counted).map_or(0, |a| a.maps.len()))
    });
    let map = move |index: usize| view! { <Map app=app model=model.clone() index=index /> };
    view! { <div class="maps">{move || (0..count.get()).map(&map).collect_view()}</div> }
}

/// The button that puts the trigger of a victim on the image; hidden while it is there.
#[component]
fn UseTrigger(app: App, record: TriggerRecord) -> impl IntoView {
    let record = StoredValue::new(record);
    let with_record = move |state: &State| record.with_value(|record| state.with_trigger(record));
    let differs = Memo::new(move |_| app.state.with(|state| with_record(state) != *state));
    view! {
        <button class:hidden=move || !differs.get() title=text::USE_TRIGGER_HELP
            on:click=move |_| app.state.update(|state| *state = with_record(state))>{text::USE_TRIGGER}</button>
    }
}

/// The card of one model.
#[component]
pub fn Card(app: App, entry: ModelEntry) -> impl IntoView {
    let victim = is_victim(&entry);
    let ModelEntry { id, title, role, class_names, trigger, .. } = entry;
    let model = StoredValue::new(id.clone());
    let answer =
        move || model.with_value(|id| app.models.answers.with(|answers| answers.get(id).cloned()));
    let predicted = move || answer().map(|answer| bars(&answer, &class_names, app.wanted()));
    let waiting =
        move || answer().is_none().then(|| view! { <p class="small">{text::LOADING_MODEL}</p> });
    let measured = move || {
        let progress = model
            .with_value(|id| app.evaluation.progress.with(|progress| progress.get(id).cloned()));
        match progress {
            Some(progress) => rates(progress).into_any(),
            None => view! { <p class="small">{text::MEASURING}</p> }.into_any(),
        }
    };
    let trigger = trigger.filter(|_| victim);
    view! {
        <article class="card" data-model=id.clone() data-role=role.to_string()>
            <h2>{title}</h2>
            {waiting}
            <ol class="bars">{predicted}</ol>
            <Maps app=app model=id.clone() />
            <div class="rates">{measured}</div>
            {trigger.map(|record| view! { <UseTrigger app=app record=record /> })}
            {victim.then(|| view! { <ErasePanel app=app model=id.clone() /> })}
        </article>
    }
}
