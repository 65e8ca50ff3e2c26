//! The page: stamp a trigger on an image and watch networks be fooled, or not.

mod app;
mod brush;
mod cards;
mod controls;
mod fetch;
mod link;
#[path = "../messages.rs"]
mod messages;
mod paint;
mod stage;
mod state;

use app::{App, IMAGES};
use cards::Card;
use controls::{Controls, Models, take};
use leptos::ev::{ClipboardEvent, DragEvent};
use leptos::prelude::*;
use stage::Stage;
use wasm_bindgen::prelude::*;

/// The whole page.
#[component]
fn Page() -> impl IntoView {
    let app = App::start();
    let drop = move |event: DragEvent| {
        event.prevent_default();
        if let Some(file) = event.data_transfer().and_then(|d| d.files()).and_then(|f| f.get(0)) {
            take(app, file);
        }
    };
    let paste = window_event_listener(leptos::ev::paste, move |event: ClipboardEvent| {
        if let Some(file) = event.clipboard_data().and_then(|d| d.files()).and_then(|f| f.get(0)) {
            take(app, file);
        }
    });
    on_cleanup(move || paste.remove());
    let engine = move || {
        let e = app.engine.get();
        match e.active.as_str() {
            "" => "engine is loading".to_string(),
            "cpu" => format!("runs on your CPU ({})", e.adapter),
            _ => format!("runs on WebGPU ({})", e.adapter),
        }
    };
    let cards = move || {
        let chosen = app.state.with(|s| s.models.clone());
        app.models.with(|models| {
            let entries =
                chosen.iter().filter_map(|id| models.iter().find(|m| m.id == *id).cloned());
            entries.map(|entry| (entry.id.clone(), entry)).collect::<Vec<_>>()
        })
    };
    view! {
        <header>
            <h1>"Unstamp"</h1>
            <p>"A backdoored network behaves well until it sees its trigger. Drag the stamp and compare: the victim, the same network after erasing, and one that was never attacked."</p>
        </header>
        {move || app.loading.get().map(|share| view! {
            <p class="loading" role="status">"loading " <progress max="1" value=share></progress></p>
        })}
        {move || (!app.message.get().is_empty()).then(|| view! {
            <p class="message" role="alert">{move || app.message.get()}
                <button on:click=move |_| app.message.set(String::new()) aria-label="dismiss">"×"</button>
            </p>
        })}
        <main on:dragover=move |e: DragEvent| e.prevent_default() on:drop=drop>
            <section class="bench" aria-label="image and trigger">
                <Stage app=app />
                <Controls app=app />
            </section>
            <section class="compare" aria-label="models" aria-live="off">
                <Models app=app />
                <div class="cards">
                    <For each=cards key=|(id, _)| id.clone() children=move |(_, entry)| view! { <Card app=app entry=entry /> } />
                </div>
                {move || (app.models.with(Vec::is_empty) && app.loading.get().is_none()).then(|| view! {
                    <p>"No models are here yet: train and publish some with make demo."</p>
                })}
            </section>
        </main>
        <footer>
            <p id="engine"><span class="dot"></span>{engine}{move || { let n = app.engine.with(|e| e.note.clone()); (!n.is_empty()).then(|| format!(". {n}")) }}</p>
            <p class="small">{format!("Rates are over {IMAGES} generated test images with 95 % Wilson intervals; the mark on the ASR bar is the floor, the same images without trigger. Maps: sum of squared activations over channels, after each of the network's three groups.")}</p>
        </footer>
    }
}

/// Mounts the page.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    mount_to_body(Page);
}

fn main() {}
