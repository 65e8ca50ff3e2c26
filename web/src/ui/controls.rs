//! Choosing image, trigger and models; menus follow from the lists.

use crate::app::{App, drawn};
use crate::brush::Palette;
use crate::fetch;
use crate::paint;
use leptos::prelude::*;
use leptos::task::spawn_local;
use unstamp_shared::attacks::{ATTACKS, Attack, attack};
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::{Accepts, Param, Value};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// Shows another generated test image.
pub fn show(app: App, index: usize) {
    let index = index % signs::TEST;
    app.image.set(drawn(index));
    app.state.update(|s| s.image = index);
}

/// Takes a file a visitor gave: a picture, or a model.
pub fn take(app: App, file: File) {
    spawn_local(async move {
        if file.name().ends_with(".safetensors") {
            let like = app.models.with_untracked(|m| m.first().cloned());
            match (like, fetch::read(&file).await) {
                (Some(like), Some(bytes)) => app.adopt(&file.name(), bytes, like),
                _ => app.message.set("The model file could not be read.".into()),
            }
            return;
        }
        match paint::decode(&file, signs::SIZE as u32).await {
            Ok(image) => {
                app.message.set(String::new());
                app.image.set((image, None));
            }
            Err(message) => app.message.set(message),
        }
    });
}

/// Step of a slider over a range.
fn step(range: f64) -> f64 {
    if range > 10.0 { 1.0 } else { 0.05 }
}

/// One parameter of the attack.
fn parameter(app: App, param: Param) -> AnyView {
    let id = param.id;
    let value = move || {
        app.state.with(|s| {
            let values = s.values()?;
            // A place is shown as where the trigger lies, not as "-1, flush with the edge".
            match (id, s.area()) {
                ("x", Some(area)) => Some(Value::Int(area.x as i64)),
                ("y", Some(area)) => Some(Value::Int(area.y as i64)),
                _ => values.0.get(id).cloned(),
            }
        })
    };
    let text = move || value().map_or(String::new(), |v| v.to_string());
    let put = move |value: Value| app.state.update(|s| _ = s.put(id, value));
    let control = match param.accepts {
        Accepts::Choice(options) => view! {
            <select id=id on:change=move |e| put(Value::Text(event_target_value(&e))) prop:value=text>
                {options.iter().map(|o| view! { <option value=*o>{*o}</option> }).collect_view()}
            </select>
        }
        .into_any(),
        Accepts::Float { min, max } => view! {
            <input id=id type="range" min=min max=max step=step(max - min) prop:value=text
                on:input=move |e| put(Value::Float(event_target_value(&e).parse().unwrap_or(max))) />
        }
        .into_any(),
        Accepts::Picture { painted } => {
            return view! { <Palette app=app id=id help=param.help painted=painted /> }.into_any();
        }
        Accepts::Int { min, max } => view! {
            <input id=id type="number" min=min max=max.min(signs::SIZE as i64) prop:value=text
                on:input=move |e| if let Ok(v) = event_target_value(&e).parse() { put(Value::Int(v)) } />
        }
        .into_any(),
    };
    let shown =
        matches!(param.accepts, Accepts::Float { .. }).then(|| view! { <output>{text}</output> });
    view! {
        <label class="field" title=param.help>
            <span>{id}</span>
            {control}
            {shown}
        </label>
    }
    .into_any()
}

/// Image, trigger and target.
#[component]
pub fn Controls(app: App) -> impl IntoView {
    let go = move |by: usize| show(app, app.state.with_untracked(|s| s.image) + by);
    let choose = move |e: leptos::ev::Event| {
        if let Some(file) = fetch::picked(&e) {
            take(app, file);
        }
    };
    let caption = move || match app.image.with(|(_, label)| *label) {
        None => "your picture".to_string(),
        Some(label) => {
            let index = app.state.with(|s| s.image);
            format!("test image {index}: {}", signs::CLASSES[label])
        }
    };
    let params = move || {
        let id = app.state.with(|s| s.attack.clone());
        attack(&id).map(|a| {
            let shown = a.params().into_iter().filter(|p| !p.planting);
            shown.map(|p| parameter(app, p)).collect_view()
        })
    };
    let about = move || app.state.with(|s| attack(&s.attack).map_or("", |a| a.method().summary));
    let one_target = move || {
        let fixed = |a: &dyn Attack| a.wanted(0, 0, 2) == a.wanted(1, 0, 2);
        app.state.with(|s| attack(&s.attack).is_some_and(fixed))
    };
    let copy = move |_| {
        let text = window().location().href().unwrap_or_default();
        let done = JsFuture::from(window().navigator().clipboard().write_text(&text));
        spawn_local(async move {
            let said = match done.await {
                Ok(_) => "The link is copied: it holds image, trigger and models.",
                Err(_) => "The browser does not let this page copy; take the address above.",
            };
            app.message.set(said.into());
        });
    };
    view! {
        <p class="caption" id="caption">{caption}</p>
        <div class="row">
            <button on:click=move |_| go(signs::TEST - 1) aria-label="previous image">"‹ previous"</button>
            <button on:click=move |_| go(1) aria-label="next image">"next ›"</button>
            <label class="button">"your picture or model"
                <input type="file" id="file" accept="image/*,.safetensors" on:change=choose />
            </label>
            <button on:click=copy title="an address that shows just this">"copy link"</button>
        </div>
        <fieldset>
            <legend>"Trigger"</legend>
            <label class="field">
                <span>"attack"</span>
                <select id="attack" prop:value=move || app.state.with(|s| s.attack.clone())
                    on:change=move |e| app.state.update(|s| { s.attack = event_target_value(&e); s.set = Default::default(); })>
                    {ATTACKS.iter().map(|a| view! { <option value=a.method().id>{a.method().title}</option> }).collect_view()}
                </select>
            </label>
            <label class="field switch">
                <input type="checkbox" id="stamped" prop:checked=move || app.state.with(|s| s.stamped)
                    on:change=move |e| app.state.update(|s| s.stamped = event_target_checked(&e)) />
                <span>"stamp it on this image"</span>
            </label>
            <p class="small">{about}</p>
            {params}
            <label class="field" class:hidden=move || !one_target() title="the class the attacker wants">
                <span>"target"</span>
                <select id="target" prop:value=move || app.state.with(|s| s.target.to_string())
                    on:change=move |e| app.state.update(|s| s.target = event_target_value(&e).parse().unwrap_or(0))>
                    {signs::CLASSES.iter().enumerate().map(|(i, c)| view! { <option value=i>{*c}</option> }).collect_view()}
                </select>
            </label>
        </fieldset>
    }
}

/// Which models stand side by side.
#[component]
pub fn Models(app: App) -> impl IntoView {
    let entry = move |model: ModelEntry| {
        let ModelEntry { id, title, role, trigger, .. } = model;
        let trigger = trigger.filter(|_| role == "victim");
        let (chosen, toggled) = (id.clone(), id.clone());
        let checked = move || app.state.with(|s| s.models.contains(&chosen));
        // A victim that comes brings its trigger, or nothing would happen to it.
        let toggle = move |_| {
            app.state.update(|s| match s.models.iter().position(|m| *m == toggled) {
                Some(at) => _ = s.models.remove(at),
                None => {
                    if let Some(record) = &trigger {
                        *s = s.with_trigger(record);
                    }
                    s.models.push(toggled.clone());
                }
            });
        };
        view! {
            <label class="chip"><input type="checkbox" value=id prop:checked=checked on:change=toggle /><span>{title}</span></label>
        }
    };
    view! {
        <div class="chips" role="group" aria-label="models to compare">
            {move || app.models.get().into_iter().map(entry).collect_view()}
        </div>
    }
}
