//! The switch between the light and the dark theme.

use crate::text;
use leptos::prelude::*;

/// The key of the choice in the browser's storage.
const KEY: &str = "unstamp-theme";

/// The colours of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Those that the system asks for.
    System,
    /// Dark ink on a light ground.
    Light,
    /// Light ink on a dark ground.
    Dark,
}

impl Theme {
    /// The word in the storage and in the attribute `data-theme`.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.word() == word)
    }

    /// The next one of the switch.
    fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// The choice of an earlier visit. A browser may refuse its storage.
fn stored() -> Option<Theme> {
    let storage = window().local_storage().ok()??;
    Theme::named(&storage.get_item(KEY).ok()??)
}

/// The switch.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let theme = RwSignal::new(stored().unwrap_or(Theme::System));
    Effect::new(move || {
        let word = theme.get().word();
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", word);
        }
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.set_item(KEY, word);
        }
    });
    view! {
        <button id="theme" on:click=move |_| theme.update(|theme| *theme = theme.next())>
            {move || text::theme(theme.get())}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_goes_through_every_theme() {
        let mut theme = Theme::System;
        for expected in [Theme::Light, Theme::Dark, Theme::System] {
            theme = theme.next();
            assert_eq!(theme, expected);
            assert_eq!(Theme::named(theme.word()), Some(theme));
        }
        assert_eq!(Theme::named("blue"), None);
    }
}
