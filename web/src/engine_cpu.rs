//! The CPU engine: Burn's `flex` with our SIMD kernels. It answers first, and only predicts.
#![recursion_limit = "256"]

mod engine;
mod messages;

use engine::Engine;
use js_sys::Function;
use unstamp_shared::Device;
use wasm_bindgen::prelude::*;

/// Starts the engine; see [`Engine::new`].
#[wasm_bindgen]
pub async fn start(post: Function, pause: Function) -> Result<Engine, JsValue> {
    console_error_panic_hook::set_once();
    let engine = Engine::new(Device::flex(), post, pause);
    engine.ready("cpu", "WebAssembly SIMD", false);
    Ok(engine)
}

fn main() {}
