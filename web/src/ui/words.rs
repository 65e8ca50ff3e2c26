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

/// One entry. When its word is chosen, the explanation opens and the entry takes the focus.
#[component]
fn Entry(app: App, word: Word, panel: NodeRef<html::Details>) -> impl IntoView {
    let element = NodeRef::<html::Dt>::new();
    Effect::new(move || {
        if app.word.get() == Some(word)
            && let (Some(panel), Some(element)) = (panel.get(), element.get())
        {
            // The visitor may have closed it.
            let _ = panel.set_attribute("open", "");
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
    let panel = NodeRef::<html::Details>::new();
    let entries = text::WORDS.map(|word| view! { <Entry app=app word=word panel=panel /> });
    view! {
        <details id="words" node_ref=panel>
            <summary>{text::WORDS_TITLE}</summary>
            <dl>{entries.collect_view()}</dl>
        </details>
    }
}
