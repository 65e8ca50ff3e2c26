//! The address of the page. It follows the state, with one entry of the history for each gesture, and the state follows
//! the address: back and forward undo and redo, and a new link in an open tab is taken.

use super::App;
use super::picture::CurrentImage;
use crate::debounce::Debounce;
use crate::state::State;
use crate::text;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsValue;

/// A gesture, such as dragging the trigger, ends when nothing changed for this long.
const GESTURE: Duration = Duration::from_millis(400);

/// The part of the address that holds the state.
pub(super) fn current() -> String {
    window().location().hash().unwrap_or_default()
}

/// Writes the state into the address. The first state replaces the entry of the history with which the
/// page was opened.
fn write(state: &State, is_first: bool) {
    // A browser escapes some characters of an address, so the texts may differ.
    if State::read(&current()).0 == *state {
        return;
    }
    let hash = state.to_hash();
    let Ok(history) = window().history() else { return };
    let _ = match is_first {
        true => history.replace_state_with_url(&JsValue::NULL, "", Some(&hash)),
        false => history.push_state_with_url(&JsValue::NULL, "", Some(&hash)),
    };
}

impl App {
    /// Keeps address and state in step.
    pub(super) fn follow_address(self) {
        let gesture = Debounce::new(GESTURE);
        let is_first = StoredValue::new(true);
        Effect::new(move || {
            let state = self.state.get();
            // The models of the first state come with the list of models.
            if state.models.is_empty() {
                return;
            }
            if is_first.get_value() {
                is_first.set_value(false);
                return write(&state, true);
            }
            gesture.call(move || write(&state, false));
        });
        let listener = window_event_listener(leptos::ev::hashchange, move |_| {
            gesture.cancel();
            self.read_address();
        });
        on_cleanup(move || listener.remove());
    }

    /// Takes the state of the address. What it names and does not exist is left out.
    fn read_address(self) {
        let (mut state, refused) = State::read(&current());
        self.models.keep_known(&mut state.models);
        if state == self.state.get_untracked() {
            return;
        }
        // A picture of the visitor stays while only other choices change.
        if state.image != self.state.with_untracked(|before| before.image) {
            self.picture.current.set(CurrentImage::generated(state.image));
        }
        self.state.set(state);
        self.say_refused(&refused);
    }

    /// Says which parts of a link were not used.
    pub(super) fn say_refused(&self, refused: &[String]) {
        if !refused.is_empty() {
            self.say(text::refused_values(refused));
        }
    }
}
