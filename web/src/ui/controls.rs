//! Choosing image, trigger and models; menus follow from the lists.

use crate::app::App;
use crate::paint;
use leptos::prelude::*;
use leptos::task::spawn_local;
use unstamp_shared::attacks::{ATTACKS, attack};
use unstamp_shared::datasets::signs;
use unstamp_shared::method::{Accepts, Param, Value};
use unstamp_shared::seed::Seed;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement};

/// Shows another generated test image.
pub fn show(app: App, index: usize) {
    let index = index % signs::TEST;
    app.image.set((signs::draw(Seed(0), "test", index).0, false));
    app.state.update(|s| s.image = index);
}

/// Takes a file a visitor gave: a picture, or a model.
pub fn take(app: App, file: File) {
    spawn_local(async move {
        if file.name().ends_with(".safetensors") {
            let like = app.models.with_untracked(|m| m.first().cloned());
            let buffer = JsFuture::from(file.array_buffer()).await;
            match (like, buffer) {
                (Some(like), Ok(buffer)) => {
                    app.adopt(&file.name(), js_sys::Uint8Array::new(&buffer).to_vec(), like);
                }
                _ => app.message.set("The model file could not be read.".into()),
            }
            return;
        }
        match paint::decode(&file, signs::SIZE as u32).await {
            Ok(image) => {
                app.message.set(String::new());
                app.image.set((image, true));
            }
            Err(message) => app.message.set(message),
        }
    });
}

/// One parameter of the attack.
fn parameter(app: App, param: Param) -> impl IntoView {
    let id = param.id;
    let value = move || {
        app.state.with(|s| {
            let values = s.values()?;
            // A place is shown as where the trigger lies, not as "-1, flush with the edge".
            let area = attack(&s.attack)?.area(&values, signs::SIZE, signs::SIZE);
            match (id, area) {
                ("x", Some(area)) => Some(Value::Int(area.x as i64)),
                ("y", Some(area)) => Some(Value::Int(area.y as i64)),
                _ => values.0.get(id).cloned(),
            }
        })
    };
    let text = move || value().map_or(String::new(), |v| v.to_string());
    let put = move |value: Value| app.state.update(|s| s.put(id, value));
    let control = match param.accepts {
        Accepts::Choice(options) => view! {
            <select id=id on:change=move |e| put(Value::Text(event_target_value(&e))) prop:value=text>
                {options.iter().map(|o| view! { <option value=*o>{*o}</option> }).collect_view()}
            </select>
        }
        .into_any(),
        Accepts::Float { min, max } => view! {
            <input id=id type="range" min=min max=max step="0.05" prop:value=text
                on:input=move |e| put(Value::Float(event_target_value(&e).parse().unwrap_or(max))) />
        }
        .into_any(),
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
}

/// Image, trigger and target.
#[component]
pub fn Controls(app: App) -> impl IntoView {
    let step = move |by: usize| show(app, app.state.with_untracked(|s| s.image) + by);
    let choose = move |e: leptos::ev::Event| {
        let input: Option<HtmlInputElement> = e.target().and_then(|t| t.dyn_into().ok());
        if let Some(file) = input.and_then(|i| i.files()).and_then(|f| f.get(0)) {
            take(app, file);
        }
    };
    let caption = move || match app.image.with(|(_, own)| *own) {
        true => "your picture".to_string(),
        false => app.state.with(|s| {
            let (_, label) = signs::draw(Seed(0), "test", s.image);
            format!("test image {}: {}", s.image, signs::CLASSES[usize::from(label)])
        }),
    };
    let params = move || {
        let id = app.state.with(|s| s.attack.clone());
        attack(&id).map(|a| a.params().into_iter().map(|p| parameter(app, p)).collect_view())
    };
    view! {
        <p class="caption" id="caption">{caption}</p>
        <div class="row">
            <button on:click=move |_| step(signs::TEST - 1) aria-label="previous image">"‹ previous"</button>
            <button on:click=move |_| step(1) aria-label="next image">"next ›"</button>
            <label class="button">"your picture or model"
                <input type="file" id="file" accept="image/*,.safetensors" on:change=choose />
            </label>
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
            {params}
            <label class="field" title="the class the attacker wants">
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
    let entry = move |id: String, title: String| {
        let (chosen, toggled) = (id.clone(), id.clone());
        let checked = move || app.state.with(|s| s.models.contains(&chosen));
        let toggle = move |_| {
            app.state.update(|s| match s.models.iter().position(|m| *m == toggled) {
                Some(at) => _ = s.models.remove(at),
                None => s.models.push(toggled.clone()),
            });
        };
        view! {
            <label class="chip"><input type="checkbox" value=id prop:checked=checked on:change=toggle /><span>{title}</span></label>
        }
    };
    view! {
        <div class="chips" role="group" aria-label="models to compare">
            {move || app.models.get().into_iter().map(|m| entry(m.id, m.title)).collect_view()}
        </div>
    }
}
