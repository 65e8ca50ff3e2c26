//! One card a model: what it predicts, where it looks, and its rates.

use crate::app::{App, Progress};
use crate::paint;
use crate::state::State;
use leptos::html;
use leptos::prelude::*;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::metrics::Rate;

/// A rate as a bar with its interval and, for ASR, the floor.
fn rate(name: &'static str, help: &'static str, rate: Rate, floor: Option<Rate>) -> impl IntoView {
    let percent = |v: f64| format!("{:.1}%", 100.0 * v);
    let [low, high] = rate.ci95;
    view! {
        <div class="rate" title=help data-rate=name data-k=rate.k data-n=rate.n>
            <span class="name">{name}</span>
            <span class="track">
                <span class="fill" style:width=percent(rate.value)></span>
                <span class="interval" style:left=percent(low) style:width=percent(high - low)></span>
                {floor.map(|f| view! { <span class="floor" style:left=percent(f.value) title="floor: without trigger"></span> })}
            </span>
            <span class="number">{percent(rate.value)}</span>
            <span class="small">{format!("{}–{}, n = {}", percent(low), percent(high), rate.n)}
                {floor.map(|f| format!(", floor {}", percent(f.value)))}</span>
        </div>
    }
}

fn rates(progress: Progress) -> impl IntoView {
    let r = progress.report;
    let partial = (progress.seen < progress.total)
        .then(|| view! { <progress max=progress.total value=progress.seen></progress> });
    view! {
        {rate("ACC", "clean accuracy over the test images", r.acc, None)}
        {r.asr.map(|asr| rate("ASR", "triggered images of other classes sent to the target", asr, r.floor))}
        {r.ra.map(|ra| rate("RA", "the same images given their true label", ra, None))}
        {partial}
    }
}

/// Attention of one group over the image.
#[component]
fn Map(app: App, id: String, group: usize) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move || {
        let map = app.answers.with(|a| a.get(&id).and_then(|a| a.maps.get(group).cloned()));
        if let (Some(canvas), Some(map)) = (canvas.get(), map) {
            app.shown.with(|shown| paint::attention(&canvas, shown, &map));
        }
    });
    view! {
        <figure>
            <canvas node_ref=canvas role="img" aria-label=format!("attention of group {}", group + 1)></canvas>
            <figcaption>{format!("group {}", group + 1)}</figcaption>
        </figure>
    }
}

/// What a card offers for erasing: a defence to run here, or how far it is.
#[component]
fn Erase(app: App, id: String) -> impl IntoView {
    let chosen = RwSignal::new("nad".to_string());
    let running = {
        let id = id.clone();
        move || app.erasing.get().filter(|(model, _)| *model == id).map(|(_, erasing)| erasing)
    };
    let busy = move || app.erasing.with(Option::is_some);
    move || {
        if let Some(e) = running() {
            let losses = e.losses.iter().map(|(name, v)| format!("{name} {v:.3}"));
            let losses = losses.collect::<Vec<_>>().join(", ").replace('_', " ");
            return view! {
                <div class="row erase" role="status">
                    <progress max=e.total.max(1) value=e.done aria-label="erasing"></progress>
                    <button on:click=move |_| app.stop_erasing()>"stop"</button>
                    <span class="small">{match e.total {
                        0 => "loading what trains".to_string(),
                        _ => format!("{} epoch {}, loss {:.3}", e.phase, e.epoch + 1, e.loss),
                    }}<br/>{losses}</span>
                </div>
            }
            .into_any();
        }
        let id = id.clone();
        let known = move || app.defences.with(|d| !d.is_empty());
        view! {
            <div class="row erase">
                <select class:hidden=move || !known() aria-label="defence" prop:value=move || chosen.get()
                    on:change=move |e| chosen.set(event_target_value(&e))>
                    {app.defences.get().into_iter().map(|(id, title)| view! { <option value=id.clone() selected=id == chosen.get_untracked()>{title}</option> }).collect_view()}
                </select>
                <button disabled=busy title="with 500 clean images, on your processor; about a minute"
                    on:click=move |_| app.erase(&id, chosen.get_untracked())>"erase it here"</button>
            </div>
        }
        .into_any()
    }
}

/// Card of one model.
#[component]
pub fn Card(app: App, entry: ModelEntry) -> impl IntoView {
    let id = entry.id.clone();
    let names = entry.class_names.clone();
    let answer = {
        let id = id.clone();
        move || app.answers.with(|a| a.get(&id).cloned())
    };
    let bars = {
        let answer = answer.clone();
        move || {
            answer().map(|answer| {
                let target = app.wanted();
                let mut order: Vec<usize> = (0..answer.probabilities.len()).collect();
                order.sort_by(|a, b| answer.probabilities[*b].total_cmp(&answer.probabilities[*a]));
                order
                    .into_iter()
                    .take(4)
                    .map(|class| {
                        let p = answer.probabilities[class];
                        let name = names.get(class).cloned().unwrap_or_default();
                        view! {
                            <li class:target=class == target>
                                <span class="name">{name}</span>
                                <span class="track"><span class="fill" style:width=format!("{:.1}%", 100.0 * p)></span></span>
                                <span class="number">{format!("{:.1}%", 100.0 * p)}</span>
                            </li>
                        }
                    })
                    .collect_view()
            })
        }
    };
    let waiting =
        move || answer().is_none().then(|| view! { <p class="small">"loading the model"</p> });
    let measured = {
        let id = id.clone();
        move || match app.progress.with(|p| p.get(&id).cloned()) {
            Some(progress) => rates(progress).into_any(),
            None => view! { <p class="small">"measuring ACC and ASR"</p> }.into_any(),
        }
    };
    let trigger = entry.trigger.clone().filter(|_| entry.role == "victim");
    let own = trigger.map(|record| {
        let record = StoredValue::new(record);
        let with = move |s: &State| record.with_value(|record| s.with_trigger(record));
        let other = Memo::new(move |_| app.state.with(|s| with(s) != *s));
        view! {
            <button class:hidden=move || !other.get() title="the trigger this model was poisoned with"
                on:click=move |_| app.state.update(|s| *s = with(s))>"use its trigger"</button>
        }
    });
    view! {
        <article class="card" data-model=id.clone() data-role=entry.role.clone()>
            <h2>{entry.title}</h2>
            {waiting}
            <ol class="bars">{bars}</ol>
            <div class="maps">
                {(0..3).map(|group| view! { <Map app=app id=id.clone() group=group /> }).collect_view()}
            </div>
            <div class="rates">{measured}</div>
            {own}
            {(entry.role == "victim").then(|| view! { <Erase app=app id=id.clone() /> })}
        </article>
    }
}
