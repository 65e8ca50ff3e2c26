//! The control of one parameter of the attack.

use crate::app::App;
use crate::palette::Palette;
use leptos::ev::Event;
use leptos::prelude::*;
use unstamp_shared::datasets::signs;
use unstamp_shared::method::{Accepts, Param, Value};

/// The step of a slider over a range.
fn step(range: f64) -> f64 {
    if range > 10.0 { 1.0 } else { 0.05 }
}

/// The value of a parameter as text. A place is shown as the column or row of the trigger, because
/// the stored value can be relative to the edge of the image.
fn value(app: App, id: &str) -> String {
    let value = app.state.with(|state| {
        let values = state.values()?;
        match (id, state.area()) {
            ("x", Some(area)) => Some(Value::Int(area.x as i64)),
            ("y", Some(area)) => Some(Value::Int(area.y as i64)),
            _ => values.0.get(id).cloned(),
        }
    });
    value.map_or(String::new(), |value| value.to_string())
}

/// Sets a parameter; a value out of its range changes nothing.
fn put(app: App, id: &str, value: Value) {
    app.state.update(|state| _ = state.put(id, value));
}

fn menu(app: App, id: &'static str, options: Vec<&'static str>) -> AnyView {
    let choose = move |event: Event| put(app, id, Value::Text(event_target_value(&event)));
    view! {
        <select id=id on:change=choose prop:value=move || value(app, id)>
            {options.into_iter().map(|option| view! { <option value=option>{option}</option> }).collect_view()}
        </select>
    }
    .into_any()
}

fn slider(app: App, id: &'static str, min: f64, max: f64) -> AnyView {
    let slide = move |event: Event| {
        put(app, id, Value::Float(event_target_value(&event).parse().unwrap_or(max)));
    };
    view! {
        <input id=id type="range" min=min max=max step=step(max - min)
            prop:value=move || value(app, id) on:input=slide />
    }
    .into_any()
}

fn number(app: App, id: &'static str, min: i64, max: i64) -> AnyView {
    let enter = move |event: Event| {
        if let Ok(number) = event_target_value(&event).parse() {
            put(app, id, Value::Int(number));
        }
    };
    view! {
        <input id=id type="number" min=min max=max.min(signs::SIZE as i64)
            prop:value=move || value(app, id) on:input=enter />
    }
    .into_any()
}

/// The control of `param`, with its name.
pub fn parameter(app: App, param: Param) -> AnyView {
    let id = param.id;
    let is_slider = matches!(param.accepts, Accepts::Float { .. });
    let control = match param.accepts {
        Accepts::Choice(options) => menu(app, id, options),
        Accepts::Float { min, max } => slider(app, id, min, max),
        Accepts::Int { min, max } => number(app, id, min, max),
        Accepts::Picture { painted } => {
            return view! { <Palette app=app id=id help=param.help painted=painted /> }.into_any();
        }
    };
    let output = is_slider.then(|| view! { <output>{move || value(app, id)}</output> });
    view! {
        <label class="field" title=param.help>
            <span>{id}</span>
            {control}
            {output}
        </label>
    }
    .into_any()
}
