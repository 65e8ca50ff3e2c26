//! Files: of the site, with progress, and of the visitor.

use js_sys::{Reflect, Uint8Array};
use leptos::ev::Event;
use leptos::prelude::window;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement, ReadableStreamDefaultReader, Response};

/// The bytes at a relative address; `progress` hears how many have come.
pub async fn bytes(url: &str, progress: impl Fn(usize)) -> Result<Vec<u8>, String> {
    let missing = || format!("{url} could not be loaded. Is the site complete?");
    let response = JsFuture::from(window().fetch_with_str(url)).await.map_err(|_| missing())?;
    let response: Response = response.dyn_into().map_err(|_| missing())?;
    if !response.ok() {
        return Err(missing());
    }
    let body = response.body().ok_or_else(missing)?;
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut all = Vec::new();
    loop {
        let part = JsFuture::from(reader.read()).await.map_err(|_| missing())?;
        if Reflect::get(&part, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(all);
        }
        let value = Reflect::get(&part, &"value".into()).map_err(|_| missing())?;
        all.extend(Uint8Array::new(&value).to_vec());
        progress(all.len());
    }
}

/// The file somebody chose in an input.
pub fn picked(event: &Event) -> Option<File> {
    event.target()?.dyn_into::<HtmlInputElement>().ok()?.files()?.get(0)
}

/// The bytes of a visitor's file, or `None` where the browser cannot read it.
pub async fn read(file: &File) -> Option<Vec<u8>> {
    let buffer = JsFuture::from(file.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
