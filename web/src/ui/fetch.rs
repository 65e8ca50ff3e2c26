//! Reads files of the site and of the visitor.

use js_sys::{Reflect, Uint8Array};
use leptos::ev::Event;
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, HtmlElement, HtmlInputElement, ReadableStreamDefaultReader, Response, Url,
};

/// The bytes at a relative address, or `None` if they cannot be loaded. `progress` receives the
/// number of bytes that have arrived.
pub async fn bytes(url: &str, progress: impl Fn(usize)) -> Option<Vec<u8>> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let reader: ReadableStreamDefaultReader = response.body()?.get_reader().unchecked_into();
    let mut all = Vec::new();
    loop {
        let part = JsFuture::from(reader.read()).await.ok()?;
        if Reflect::get(&part, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Some(all);
        }
        let value = Reflect::get(&part, &"value".into()).ok()?;
        all.extend(Uint8Array::new(&value).to_vec());
        progress(all.len());
    }
}

/// The file that the visitor chose in an input. The input is emptied, so that the same file can be chosen
/// again.
pub fn picked(event: &Event) -> Option<File> {
    let input = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

/// Offers bytes to the visitor as a file to save.
pub fn save(name: &str, bytes: &[u8]) {
    let save = || -> Result<(), JsValue> {
        let parts = js_sys::Array::of1(&Uint8Array::from(bytes));
        let address = Url::create_object_url_with_blob(&Blob::new_with_u8_array_sequence(&parts)?)?;
        let link = document().create_element("a")?;
        link.set_attribute("href", &address)?;
        link.set_attribute("download", name)?;
        link.dyn_into::<HtmlElement>()?.click();
        Url::revoke_object_url(&address)
    };
    // A browser that saves no files shows so itself.
    let _ = save();
}

/// The bytes of a file of the visitor, or `None` if the browser cannot read it.
pub async fn read(file: &File) -> Option<Vec<u8>> {
    let buffer = JsFuture::from(file.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}
