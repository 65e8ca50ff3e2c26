//! The layout of the page.

use crate::app::App;
use crate::app::evaluation::IMAGES;
use crate::card::Card;
use crate::controls::Controls;
use crate::files;
use crate::model_choice::ModelChoice;
use crate::stage::Stage;
use crate::text;
use leptos::ev::{ClipboardEvent, DragEvent};
use leptos::prelude::*;
use unstamp_shared::manifest::ModelEntry;

/// The whole page.
#[component]
pub fn Page() -> impl IntoView {
    let app = App::start();
    let drop = move |event: DragEvent| {
        event.prevent_default();
        if let Some(file) = files::first(event.data_transfer()) {
            files::take(app, file);
        }
    };
    let paste = window_event_listener(leptos::ev::paste, move |event: ClipboardEvent| {
        if let Some(file) = files::first(event.clipboard_data()) {
            files::take(app, file);
        }
    });
    on_cleanup(move || paste.remove());
    view! {
        <header>
            <h1>{text::TITLE}</h1>
            <p>{text::INTRODUCTION}</p>
        </header>
        <Loading app=app />
        <Message app=app />
        <main on:dragover=move |event: DragEvent| event.prevent_default() on:drop=drop>
            <section class="bench" aria-label=text::IMAGE_AND_TRIGGER>
                <Stage app=app />
                <Controls app=app />
            </section>
            <section class="compare" aria-label=text::MODELS aria-live="off">
                <ModelChoice app=app />
                <Cards app=app />
            </section>
        </main>
        <footer>
            <p id="engine"><span class="dot"></span>{move || app.engines.with(text::engine)}</p>
            <p class="small">{text::footnote(IMAGES)}</p>
        </footer>
    }
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

/// A sentence for the visitor, with a button that removes it.
#[component]
fn Message(app: App) -> impl IntoView {
    move || {
        app.message.get().map(|message| {
            view! {
                <p class="message" role="alert">{message}
                    <button on:click=move |_| app.message.set(None) aria-label=text::DISMISS>{text::CROSS}</button>
                </p>
            }
        })
    }
}

/// The cards of the chosen models, in the order of the choice.
#[component]
fn Cards(app: App) -> impl IntoView {
    let chosen = move || {
        let ids = app.state.with(|state| state.models.clone());
        app.models.entries.with(|entries| {
            let found = ids.iter().filter_map(|id| entries.iter().find(|entry| entry.id == *id));
            found.cloned().collect::<Vec<ModelEntry>>()
        })
    };
    let nothing =
        move || app.models.entries.with(Vec::is_empty) && app.models.loading.with(Option::is_none);
    view! {
        <div class="cards">
            <For each=chosen key=|entry| entry.id.clone()
                children=move |entry| view! { <Card app=app entry=entry /> } />
        </div>
        {move || nothing().then(|| view! { <p>{text::NO_MODELS}</p> })}
    }
}
