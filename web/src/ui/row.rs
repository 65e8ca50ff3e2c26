//! The row of a model: its verdict, its prediction, its attention maps and its rates. On a small screen a row is
//! one line that opens.

use crate::app::App;
use crate::app::models::is_victim;
use crate::erase_panel::ErasePanel;
use crate::messages::Answer;
use crate::rates::rates;
use crate::state::State;
use crate::text::{self, Word, percent};
use crate::verdict::knows_signs;
use crate::words::Term;
use crate::{fetch, paint};
use leptos::html;
use leptos::prelude::*;
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::poison::TriggerRecord;

/// Classes that a row lists.
const CLASSES: usize = 4;

/// The classes with the largest probabilities, as bars; the attacker's class is marked.
fn bars(answer: &Answer, names: &[String], wanted: Option<usize>) -> impl IntoView + use<> {
    let mut order: Vec<usize> = (0..answer.probabilities.len()).collect();
    order.sort_by(|a, b| answer.probabilities[*b].total_cmp(&answer.probabilities[*a]));
    let bar = |class: usize| {
        let probability = percent(f64::from(answer.probabilities[class]));
        let name = names.get(class).cloned().unwrap_or_default();
        view! {
            <li class:target=wanted == Some(class)>
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
    view! {
        <div class="looks">
            <Term app=app word=Word::Attention />
            <div class="maps">{move || (0..count.get()).map(&map).collect_view()}</div>
        </div>
    }
}

/// The sentence on a victim whose trigger is not on the image, with the button that puts it there.
#[component]
fn OtherTrigger(app: App, model: String, record: TriggerRecord) -> impl IntoView {
    let record = StoredValue::new(record);
    let with_record = move |state: &State| record.with_value(|record| state.with_trigger(record));
    let differs = Memo::new(move |_| app.state.with(|state| with_record(state) != *state));
    let asr = move || {
        app.evaluation.progress.with(|all| all.get(&model).and_then(|found| found.report.asr))
    };
    let note = move || {
        let trained = record.with_value(|record| record.attack.clone());
        let same_attack = app.state.with(|state| state.attack == trained);
        text::other_trigger(same_attack, asr())
    };
    view! {
        <p class="note" class:hidden=move || !differs.get()>{note}
            <button on:click=move |_| app.state.update(|state| *state = with_record(state))>{text::USE_TRIGGER}</button>
        </p>
    }
}

/// The head of a row: title, verdict and, on a small screen, the button that opens the row.
#[component]
fn Head(app: App, entry: StoredValue<ModelEntry>, open: RwSignal<bool>) -> impl IntoView {
    let says = Memo::new(move |_| entry.with_value(|entry| app.says(entry)));
    let line = move || {
        let refused = entry.with_value(|entry| app.models.is_refused(&entry.id));
        let (word, sentence) = match says.get() {
            Some((verdict, sentence)) => (Some(verdict.word()), sentence),
            None if refused => (None, text::REFUSED.to_string()),
            None => (None, text::LOADING_MODEL.to_string()),
        };
        view! { <p class="verdict" data-verdict=word>{sentence}</p> }
    };
    let title = Memo::new(move |_| entry.with_value(|entry| app.models.title(&entry.id)));
    let fold = move || text::details_of(&title.get());
    view! {
        <div class="head">
            <h2>{title}</h2>
            {line}
            <button class="fold" aria-label=fold aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)>{text::FOLD}</button>
        </div>
    }
}

/// The button that saves a model of the visitor.
#[component]
fn SaveModel(app: App, model: String) -> impl IntoView {
    let save = move |_| {
        let name = text::model_file(&app.models.title(&model));
        app.models.with_file(&model, |bytes| fetch::save(&name, bytes));
    };
    view! { <button on:click=save>{text::SAVE_MODEL}</button> }
}

/// The row of one model.
#[component]
pub fn Row(app: App, entry: ModelEntry) -> impl IntoView {
    let victim = is_victim(&entry);
    let is_known = knows_signs(&entry);
    let own = entry.role == ModelRole::Own;
    let erasable = is_known && (victim || own && !app.erasure.has_made(&entry.id));
    let open = RwSignal::new(false);
    let ModelEntry { id, role, class_names, trigger, .. } = entry.clone();
    let trigger = trigger.filter(|_| victim);
    let model = StoredValue::new(id.clone());
    let answer =
        move || model.with_value(|id| app.models.answers.with(|answers| answers.get(id).cloned()));
    let wanted = move || is_known.then(|| app.wanted());
    let predicted = move || answer().map(|answer| bars(&answer, &class_names, wanted()));
    let measured = move || {
        let found = model.with_value(|id| app.evaluation.progress.with(|all| all.get(id).cloned()));
        match found {
            _ if !is_known => view! { <p class="small">{text::OTHER_CLASSES}</p> }.into_any(),
            Some(progress) => rates(app, progress).into_any(),
            None => view! { <p class="small">{text::MEASURING}</p> }.into_any(),
        }
    };
    let entry = StoredValue::new(entry);
    let other =
        trigger.map(|record| view! { <OtherTrigger app=app model=id.clone() record=record /> });
    view! {
        <article class="model" class:open=move || open.get() data-model=id.clone() data-role=role.to_string()>
            <Head app=app entry=entry open=open />
            <ol class="bars">{predicted}</ol>
            <Maps app=app model=id.clone() />
            <div class="rates">{measured}</div>
            <div class="actions">
                {other}
                {erasable.then(|| view! { <ErasePanel app=app model=id.clone() /> })}
                {own.then(|| view! { <SaveModel app=app model=id.clone() /> })}
            </div>
        </article>
    }
}
