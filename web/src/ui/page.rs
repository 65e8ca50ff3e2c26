//! The layout of the page.

use crate::announce::Announcement;
use crate::app::App;
use crate::app::evaluation::IMAGES;
use crate::controls::{Controls, ImageChoice};
use crate::files;
use crate::fires::Fires;
use crate::model_choice::ModelChoice;
use crate::row::Row;
use crate::stage::Stage;
use crate::text;
use crate::theme::ThemeSwitch;
use crate::words::Words;
use leptos::ev::{ClipboardEvent, DragEvent};
use leptos::prelude::*;
use unstamp_shared::datasets::signs;

/// Takes files that are dropped or pasted anywhere. Whether one is dragged over the page.
fn take_files(app: App) -> RwSignal<bool> {
    let dragged = RwSignal::new(false);
    let over = window_event_listener(leptos::ev::dragover, move |event: DragEvent| {
        // Without this the browser would leave the page and open the file.
        event.prevent_default();
        dragged.set(true);
    });
    let leave = window_event_listener(leptos::ev::dragleave, move |event: DragEvent| {
        if event.related_target().is_none() {
            dragged.set(false);
        }
    });
    let drop = window_event_listener(leptos::ev::drop, move |event: DragEvent| {
        event.prevent_default();
        dragged.set(false);
        if let Some(file) = files::first(event.data_transfer()) {
            files::take(app, file);
        }
    });
    let paste = window_event_listener(leptos::ev::paste, move |event: ClipboardEvent| {
        if let Some(file) = files::first(event.clipboard_data()) {
            files::take(app, file);
        }
    });
    on_cleanup(move || {
        over.remove();
        leave.remove();
        drop.remove();
        paste.remove();
    });
    dragged
}

/// The whole page.
#[component]
pub fn Page() -> impl IntoView {
    let app = App::start();
    let dragged = take_files(app);
    view! {
        <header>
            <h1>{text::TITLE}</h1>
            <p>{text::INTRODUCTION}</p>
            <nav class="row">
                {text::PAPERS.map(|(name, address)| view! { <a href=address>{name}</a> }).collect_view()}
                <ThemeSwitch />
            </nav>
        </header>
        <Message app=app />
        <Announcement app=app />
        <main class:dragged=dragged>
            <section class="picture" aria-label=text::IMAGE_AND_TRIGGER>
                <Stage app=app />
                <ImageChoice app=app />
            </section>
            <section class="compare" aria-label=text::MODELS>
                <Legend app=app />
                <Loading app=app />
                <Rows app=app />
                <ModelChoice app=app />
                <Fires app=app />
                <Words app=app />
            </section>
            <Controls app=app />
        </main>
        <footer>
            <p id="engine"><span class="dot"></span>{move || app.engines.with(text::engine)}</p>
            <p class="small">{text::footnote(IMAGES)}</p>
        </footer>
    }
}

/// The colour of the attacker's class.
#[component]
fn Legend(app: App) -> impl IntoView {
    let class = move || signs::CLASSES.get(app.wanted()).copied().unwrap_or_default();
    view! { <p class="legend"><span class="swatch"></span>{text::LEGEND}<strong>{class}</strong></p> }
}

/// The progress of loading.
#[component]
fn Loading(app: App) -> impl IntoView {
    move || {
        app.models.loading.get().map(|share| {
            view! {
                <p class="loading" role="status">{text::LOADING}<progress max="1" value=share></progress></p>
            }
        })
    }
}

/// A sentence for the visitor, with a button that removes it. It lies over the foot of the window and shifts
/// nothing.
#[component]
fn Message(app: App) -> impl IntoView {
    move || {
        app.message.get().map(|message| {
            view! {
                <p class="message" role="status">{message}
                    <button on:click=move |_| app.message.set(None) aria-label=text::DISMISS>{text::CROSS}</button>
                </p>
            }
        })
    }
}

/// The rows of the chosen models, in the order of the choice.
#[component]
fn Rows(app: App) -> impl IntoView {
    let nothing =
        move || app.models.entries.with(Vec::is_empty) && app.models.loading.with(Option::is_none);
    view! {
        <div class="models">
            <For each=move || app.chosen() key=|entry| entry.id.clone()
                children=move |entry| view! { <Row app=app entry=entry /> } />
        </div>
        {move || nothing().then(|| view! { <p>{text::NO_MODELS}</p> })}
    }
}
