//! The controls of a picture parameter: tools and colour for a painted one, and its file.

use crate::app::App;
use crate::brush::{self, Tool};
use crate::{fetch, png, text};
use leptos::ev::Event;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::File;

/// Makes these pixels the trigger, or says why they make none.
fn keep(app: App, key: &str, rgba: &[[u8; 4]]) {
    let mut state = app.state.get_untracked();
    match brush::keep(&mut state, key, rgba) {
        Ok(()) => {
            app.state.set(state);
            app.message.set(None);
        }
        Err(error) => app.say(text::png::no_trigger(&error.to_string())),
    }
}

/// Makes a PNG of the visitor the trigger.
fn open(app: App, key: &'static str, file: File) {
    spawn_local(async move {
        let bytes = fetch::read(&file).await.unwrap_or_default();
        match png::read(&bytes) {
            Ok(rgba) => keep(app, key, &rgba),
            Err(error) => app.say(brush::png_message(&file.name(), error)),
        }
    });
}

/// The button that chooses a tool.
#[component]
fn ToolButton(app: App, tool: Tool, name: &'static str, help: &'static str) -> impl IntoView {
    let pressed = move || app.picture.brush.with(|brush| brush.tool == tool).to_string();
    view! {
        <button type="button" title=help aria-pressed=pressed
            on:click=move |_| app.picture.brush.update(|brush| brush.tool = tool)>{name}</button>
    }
}

/// Tools, colour and opacity.
#[component]
fn Tools(app: App, id: &'static str) -> impl IntoView {
    let brush = app.picture.brush;
    let set_opacity = move |event: Event| {
        let opacity = event_target_value(&event).parse().unwrap_or(255);
        brush.update(|brush| brush.opacity = opacity);
    };
    view! {
        <div class="row" role="group" aria-label=text::BRUSH>
            <ToolButton app=app tool=Tool::Move name=text::MOVE help=text::MOVE_HELP />
            <ToolButton app=app tool=Tool::Paint name=text::PAINT help=text::PAINT_HELP />
            <ToolButton app=app tool=Tool::Rub name=text::RUB_OUT help=text::RUB_OUT_HELP />
            <button type="button" on:click=move |_| keep(app, id, &[])>{text::CLEAR}</button>
        </div>
        <label class="field"><span>{text::COLOUR}</span>
            <input type="color" id="colour" prop:value=move || brush.with(|brush| brush.colour.clone())
                on:input=move |event| brush.update(|brush| brush.colour = event_target_value(&event)) />
        </label>
        <label class="field" title=text::OPACITY_HELP><span>{text::OPACITY}</span>
            <input type="range" id="cover" min="15" max="255" step="15"
                prop:value=move || brush.with(|brush| brush.opacity.to_string()) on:input=set_opacity />
            <output>{move || brush.with(|brush| brush.opacity)}</output>
        </label>
    }
}

/// The controls of the picture parameter `id`.
#[component]
pub fn Palette(app: App, id: &'static str, help: &'static str, painted: bool) -> impl IntoView {
    let choose = move |event: Event| {
        if let Some(file) = fetch::picked(&event) {
            open(app, id, file);
        }
    };
    let link = move || {
        app.state.with(|state| painted.then(|| brush::png_url(state, id))).map(|url| {
            view! { <a class="button" id="save" href=url download=text::SAVED_FILE>{text::SAVE_PNG}</a> }
        })
    };
    let reset = move |_| app.state.update(|state| _ = state.set.0.remove(id));
    view! {
        {painted.then(|| view! { <Tools app=app id=id /> })}
        <div class="row" title=help>
            {link}
            <label class="button">{if painted { text::OPEN_PNG } else { text::TAKE_PNG }}
                <input type="file" id=id accept="image/png" on:change=choose />
            </label>
            {(!painted).then(|| view! { <button type="button" on:click=reset>{text::DEFAULT}</button> })}
        </div>
    }
}
