//! The image with its trigger. A visitor drags the trigger with mouse, touch or keys, or paints it.

use crate::app::App;
use crate::app::models::is_victim;
use crate::brush::{self, Point, Tool};
use crate::state::State;
use crate::{paint, text};
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use unstamp_shared::attacks::Area;
use unstamp_shared::datasets::signs;
use wasm_bindgen::JsCast;
use web_sys::Element;

const SIDE: usize = signs::SIZE;

type Frame = NodeRef<html::Div>;

/// The effect of the pressed pointer.
#[derive(Clone, Copy)]
enum Action {
    /// It drags the trigger at this point of the trigger.
    Drag(Point),
    /// It paints, and was last at this pixel of the image.
    Paint(Point),
}

/// The area of the trigger now.
fn area(app: App) -> Option<Area> {
    app.state.with_untracked(State::area)
}

/// Moves the top left corner of the trigger; the trigger stays inside the image.
fn place(app: App, x: i64, y: i64) {
    let Some(area) = area(app) else { return };
    let most = |size: usize| (SIDE - size.min(SIDE)) as i64;
    let x = x.clamp(0, most(area.width));
    let y = y.clamp(0, most(area.height));
    // While the trigger stays on its pixel, nothing is computed again.
    if (x, y) == (area.x as i64, area.y as i64) {
        return;
    }
    app.state.update(|state| state.put_place(x as usize, y as usize));
}

/// The pixel of the image under the pointer.
fn pixel(frame: Frame, event: &PointerEvent) -> Option<Point> {
    let rect = frame.get_untracked()?.get_bounding_client_rect();
    let scale = SIDE as f64 / rect.width().max(1.0);
    let at = |client: i32, edge: f64| ((f64::from(client) - edge) * scale).floor() as i64;
    Some(Point { x: at(event.client_x(), rect.left()), y: at(event.client_y(), rect.top()) })
}

/// Whether the pointer paints instead of dragging the trigger.
fn paints(app: App) -> bool {
    let tool = app.picture.brush.with_untracked(|brush| brush.tool);
    app.state.with_untracked(|state| is_painting(tool, state))
}

/// Whether this tool paints, for an attack whose trigger is painted.
fn is_painting(tool: Tool, state: &State) -> bool {
    tool != Tool::Move && brush::painted_parameter(state).is_some()
}

/// Paints from one pixel to another.
fn stroke(app: App, from: Point, to: Point) {
    let mut state = app.state.get_untracked();
    let painted =
        app.picture.brush.with_untracked(|brush| brush::stroke(&mut state, brush, from, to));
    match painted {
        Ok(()) => app.state.set(state),
        // Only a trigger that hides the whole image is not valid.
        Err(error) => app.say(text::png::no_trigger(&error.to_string())),
    }
}

/// The point of the trigger that the pointer holds: the one below it, or the middle if the pointer
/// is more than a pixel outside.
fn grip(area: &Area, at: Point) -> Point {
    let left = area.x as i64;
    let top = area.y as i64;
    let width = area.width as i64;
    let height = area.height as i64;
    let inside =
        (left - 1..=left + width).contains(&at.x) && (top - 1..=top + height).contains(&at.y);
    if inside {
        Point { x: at.x - left, y: at.y - top }
    } else {
        Point { x: width / 2, y: height / 2 }
    }
}

/// Puts the trigger where the shown victim of this attack learned it, or where the attack has it.
fn return_home(app: App) {
    let trained = app.chosen().into_iter().filter(is_victim).find_map(|entry| entry.trigger);
    app.state.update(|state| {
        let record = trained.filter(|record| record.attack == state.attack);
        let home = record.map(|record| state.with_trigger(&record).set).unwrap_or_default();
        state.forget_place();
        for key in ["x", "y"] {
            let _ = home.0.get(key).map(|value| state.put(key, value.clone()));
        }
    });
}

/// Whether a finger begins beside the trigger: then it scrolls the page.
fn scrolls(event: &PointerEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let on_trigger = target.is_some_and(|element| element.class_list().contains("outline"));
    event.pointer_type() == "touch" && !on_trigger
}

/// The pointer is pressed.
fn press(app: App, frame: Frame, event: &PointerEvent) -> Option<Action> {
    if event.button() != 0 {
        return None;
    }
    let at = pixel(frame, event)?;
    let element = frame.get_untracked()?;
    if paints(app) {
        event.prevent_default();
        stroke(app, at, at);
        let _ = element.set_pointer_capture(event.pointer_id());
        return Some(Action::Paint(at));
    }
    if scrolls(event) {
        return None;
    }
    let grip = grip(&area(app)?, at);
    event.prevent_default();
    app.state.update(|state| state.stamped = true);
    place(app, at.x - grip.x, at.y - grip.y);
    let _ = element.set_pointer_capture(event.pointer_id());
    let _ = element.focus();
    Some(Action::Drag(grip))
}

/// The pressed pointer moves.
fn drag(app: App, action: Action, at: Point) -> Action {
    match action {
        Action::Drag(grip) => {
            place(app, at.x - grip.x, at.y - grip.y);
            action
        }
        Action::Paint(from) => {
            if from != at {
                stroke(app, from, at);
            }
            Action::Paint(at)
        }
    }
}

/// A key is pressed while the image has the focus.
fn press_key(app: App, event: &KeyboardEvent) {
    let Some(area) = area(app) else { return };
    let step = if event.shift_key() { 4 } else { 1 };
    let x = area.x as i64;
    let y = area.y as i64;
    match event.key().as_str() {
        "ArrowLeft" => place(app, x - step, y),
        "ArrowRight" => place(app, x + step, y),
        "ArrowUp" => place(app, x, y - step),
        "ArrowDown" => place(app, x, y + step),
        "Home" => return_home(app),
        " " | "Enter" => app.state.update(|state| state.stamped = !state.stamped),
        _ => return,
    }
    event.prevent_default();
}

/// The frame around the trigger on the image.
#[component]
fn Outline(app: App) -> impl IntoView {
    let percent = |pixels: usize| format!("{}%", 100.0 * pixels as f64 / SIDE as f64);
    move || {
        let area = app.state.with(|state| state.stamped.then(|| state.area()).flatten());
        area.map(|area| {
            view! {
                <span class="outline" style:left=percent(area.x) style:top=percent(area.y)
                    style:width=percent(area.width) style:height=percent(area.height)></span>
            }
        })
    }
}

/// The image with its trigger.
#[component]
pub fn Stage(app: App) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let frame = Frame::new();
    let action = RwSignal::new(None::<Action>);
    Effect::new(move || {
        if let Some(canvas) = canvas.get() {
            app.picture.stamped.with(|image| paint::image(&canvas, image));
        }
    });
    let moved = move |event: PointerEvent| {
        if let (Some(before), Some(at)) = (action.get_untracked(), pixel(frame, &event)) {
            action.set(Some(drag(app, before, at)));
        }
    };
    let label = move || {
        let area = app.state.with(State::area);
        text::image_label(area.map(|area| (area.x, area.y)))
    };
    view! {
        <div class="frame" id="stage" tabindex="0" role="application" aria-label=label node_ref=frame
            class:painting=move || is_painting(app.picture.brush.with(|b| b.tool), &app.state.get())
            on:pointerdown=move |event| action.set(press(app, frame, &event))
            on:pointermove=moved
            on:pointerup=move |_| action.set(None)
            on:pointercancel=move |_| action.set(None)
            on:keydown=move |event| press_key(app, &event)>
            <canvas node_ref=canvas></canvas>
            <Outline app=app />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area { x: 10, y: 20, width: 4, height: 6 };

    #[test]
    fn the_pointer_holds_the_point_of_the_trigger_below_it() {
        for (x, y) in [(10, 20), (13, 25), (9, 19), (14, 26)] {
            let held = grip(&AREA, Point { x, y });
            assert_eq!(held, Point { x: x - 10, y: y - 20 }, "column {x}, row {y}");
        }
    }

    #[test]
    fn a_pointer_far_from_the_trigger_holds_its_middle() {
        for (x, y) in [(8, 22), (15, 22), (11, 18), (11, 27), (0, 0)] {
            let held = grip(&AREA, Point { x, y });
            assert_eq!(held, Point { x: 2, y: 3 }, "column {x}, row {y}");
        }
    }
}
