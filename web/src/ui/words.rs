//! The explanation of the words on the page. A word in the rows opens it at its entry.

use crate::app::App;
use crate::text::{self, Word};
use leptos::html;
use leptos::prelude::*;

/// A word that opens its explanation.
#[component]
pub fn Term(app: App, word: Word) -> impl IntoView {
    let help = text::explains(word);
    view! {
        <button class="term" aria-label=help on:click=move |_| app.word.set(Some(word))>{text::name(word)}</button>
    }
}

/// One entry. It takes the focus when its word is chosen.
#[component]
fn Entry(app: App, word: Word) -> impl IntoView {
    let element = NodeRef::<html::Dt>::new();
    Effect::new(move || {
        if app.word.get() == Some(word)
            && let Some(element) = element.get()
        {
            element.scroll_into_view();
            let _ = element.focus();
        }
    });
    view! {
        <dt node_ref=element tabindex="-1" data-word=text::name(word)>{text::name(word)}</dt>
        <dd>{text::meaning(word)}</dd>
    }
}

/// All words with their meaning.
#[component]
pub fn Words(app: App) -> impl IntoView {
    let is_open = move || app.word.with(Option::is_some);
    let entries = text::WORDS.map(|word| view! { <Entry app=app word=word /> });
    view! {
        <details id="words" prop:open=is_open>
            <summary>{text::WORDS_TITLE}</summary>
            <dl>{entries.collect_view()}</dl>
        </details>
    }
}
