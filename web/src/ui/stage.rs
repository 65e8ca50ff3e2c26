//! The image with its trigger: drag it with mouse, touch or keys.

use crate::app::App;
use crate::brush::{self, Tool};
use crate::paint;
use crate::state::State;
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use unstamp_shared::attacks::Area;
use unstamp_shared::datasets::signs;
use unstamp_shared::method::Value;

const SIDE: usize = signs::SIZE;

fn area(app: App) -> Option<Area> {
    app.state.with(State::area)
}

/// Moves the trigger's top left corner, kept inside the image.
fn place(app: App, x: i64, y: i64) {
    let Some(area) = untrack(|| area(app)) else { return };
    let most = |size: usize| (SIDE - size.min(SIDE)) as i64;
    app.state.update(|state| {
        // A clamped place is valid.
        let _ = state.put("x", Value::Int(x.clamp(0, most(area.width))));
        let _ = state.put("y", Value::Int(y.clamp(0, most(area.height))));
    });
}

/// The square stage.
#[component]
pub fn Stage(app: App) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let frame = NodeRef::<html::Div>::new();
    let held = RwSignal::new(None::<(i64, i64)>);
    Effect::new(move || {
        if let Some(canvas) = canvas.get() {
            app.shown.with(|shown| paint::image(&canvas, shown));
        }
    });
    let pixel = move |event: &PointerEvent| -> Option<(i64, i64)> {
        let rect = frame.get_untracked()?.get_bounding_client_rect();
        let scale = SIDE as f64 / rect.width().max(1.0);
        let at = |client: i32, edge: f64| ((f64::from(client) - edge) * scale).floor() as i64;
        Some((at(event.client_x(), rect.left()), at(event.client_y(), rect.top())))
    };
    let last = RwSignal::new(None::<(i64, i64)>);
    let down = move |event: PointerEvent| {
        if let (true, Some(at)) = (brush::paints(app), pixel(&event)) {
            event.prevent_default();
            last.set(Some(at));
            brush::stroke(app, at, at);
            if let Some(frame) = frame.get_untracked() {
                let _ = frame.set_pointer_capture(event.pointer_id());
            }
            return;
        }
        let (Some((x, y)), Some(area)) = (pixel(&event), untrack(|| area(app))) else { return };
        event.prevent_default();
        let (left, top) = (area.x as i64, area.y as i64);
        let inside = (left - 1..=left + area.width as i64).contains(&x)
            && (top - 1..=top + area.height as i64).contains(&y);
        let grip = if inside {
            (x - left, y - top)
        } else {
            (area.width as i64 / 2, area.height as i64 / 2)
        };
        held.set(Some(grip));
        app.state.update(|s| s.stamped = true);
        place(app, x - grip.0, y - grip.1);
        if let Some(frame) = frame.get_untracked() {
            let _ = frame.set_pointer_capture(event.pointer_id());
            let _ = frame.focus();
        }
    };
    let moved = move |event: PointerEvent| {
        if let (Some(from), Some(to)) = (last.get_untracked(), pixel(&event)) {
            if from != to {
                brush::stroke(app, from, to);
                last.set(Some(to));
            }
            return;
        }
        if let (Some(grip), Some((x, y))) = (held.get_untracked(), pixel(&event)) {
            place(app, x - grip.0, y - grip.1);
        }
    };
    let release = move |_: PointerEvent| {
        held.set(None);
        last.set(None);
    };
    let key = move |event: KeyboardEvent| {
        let Some(area) = untrack(|| area(app)) else { return };
        let step = if event.shift_key() { 4 } else { 1 };
        let (x, y) = (area.x as i64, area.y as i64);
        match event.key().as_str() {
            "ArrowLeft" => place(app, x - step, y),
            "ArrowRight" => place(app, x + step, y),
            "ArrowUp" => place(app, x, y - step),
            "ArrowDown" => place(app, x, y + step),
            "Home" => place(app, SIDE as i64, SIDE as i64),
            " " | "Enter" => app.state.update(|s| s.stamped = !s.stamped),
            _ => return,
        }
        event.prevent_default();
    };
    let percent = |pixels: usize| format!("{}%", 100.0 * pixels as f64 / SIDE as f64);
    let outline = move || {
        app.state.with(|s| s.stamped).then(|| area(app)).flatten().map(|a| {
            view! {
                <span class="outline" style:left=percent(a.x) style:top=percent(a.y)
                    style:width=percent(a.width) style:height=percent(a.height)></span>
            }
        })
    };
    let label = move || {
        let place = area(app).map_or(String::new(), |a| format!(" at column {}, row {}", a.x, a.y));
        format!(
            "Image with trigger{place}. Arrow keys move it, with Shift by 4; Home returns it to the corner; Space takes it off."
        )
    };
    view! {
        <div class="frame" id="stage" tabindex="0" role="application" aria-label=label node_ref=frame
            on:pointerdown=down on:pointermove=moved
            class:painting=move || app.brush.with(|b| b.tool != Tool::Move)
            on:pointerup=release on:pointercancel=release on:keydown=key>
            <canvas node_ref=canvas></canvas>
            {outline}
        </div>
    }
}
