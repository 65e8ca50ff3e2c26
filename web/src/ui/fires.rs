//! The map of the places where a trigger fires.

use crate::app::App;
use crate::app::fire_map::{FireMap, IMAGES, SIDE, without_place};
use crate::state::State;
use crate::text;
use leptos::prelude::*;

/// One place: its colour shows the ASR there, and a click puts the trigger there.
fn place(app: App, map: &FireMap, index: usize) -> impl IntoView + use<> {
    let place = map.places[index];
    let rate = map.rates.get(index).copied();
    let share = rate.map_or("0%".to_string(), text::percent);
    view! {
        <button class="place" style:--share=share disabled=rate.is_none() data-rate=rate.map(|rate| rate.to_string())
            aria-label=text::place_label(place, rate) on:click=move |_| app.take_place(place)></button>
    }
}

/// The map, or the button that measures it.
#[component]
pub fn Fires(app: App) -> impl IntoView {
    // Another trigger or another victim has another map.
    let subject = Memo::new(move |_| {
        let model = app.fire_model().map(|entry| entry.id);
        (app.state.with(without_place), model)
    });
    Effect::new(move |before: Option<()>| {
        // Reading the memo makes it follow the state; `track` alone would not compute it.
        subject.with(|_| ());
        if before.is_some() {
            app.fires.map.set(None);
        }
    });
    let has_place = move || app.state.with(State::area).is_some() && app.fire_model().is_some();
    let grid = move || {
        app.fires.map.get().map(|map| {
            let places = (0..SIDE * SIDE).map(|index| place(app, &map, index)).collect_view();
            let done = map.rates.len();
            view! {
                <div class="places">{places}</div>
                <p class="small" role="status">{text::fires(done, SIDE * SIDE)}</p>
            }
        })
    };
    view! {
        <details id="fires" class:hidden=move || !has_place()>
            <summary>{text::FIRES}</summary>
            <p class="small">{text::fires_help(SIDE * SIDE, IMAGES)}</p>
            <button class:hidden=move || app.fires.map.with(Option::is_some)
                on:click=move |_| app.measure_fires()>{text::MEASURE_FIRES}</button>
            {grid}
        </details>
    }
}
