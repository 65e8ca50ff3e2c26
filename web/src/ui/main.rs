//! The page: a visitor stamps a trigger on an image and sees what networks predict.

mod announce;
mod app;
mod brush;
mod controls;
mod debounce;
mod erase_panel;
mod fetch;
mod files;
mod fires;
mod link;
mod model_choice;
mod page;
mod paint;
mod palette;
mod parameter;
mod rates;
mod row;
mod stage;
mod text;
mod theme;
mod verdict;
mod words;

use leptos::prelude::*;
use page::Page;
use unstamp_web::{messages, png, state};
use wasm_bindgen::prelude::*;

/// Shows the page.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    mount_to_body(Page);
}

fn main() {}
