//! The engine on the CPU: Burn's `flex` with our SIMD kernels.

use super::Engine;
use js_sys::Function;
use unstamp_shared::Device;
use wasm_bindgen::prelude::*;

/// Starts the engine; see [`Engine::new`].
#[wasm_bindgen]
pub async fn start(post: Function, pause: Function) -> Result<Engine, JsValue> {
    console_error_panic_hook::set_once();
    let engine = Engine::new(Device::flex(), post, pause);
    let name = if cfg!(feature = "learn") { "learn" } else { "cpu" };
    let how =
        if cfg!(feature = "relaxed") { "WebAssembly relaxed SIMD" } else { "WebAssembly SIMD" };
    engine.ready(name, how, false);
    Ok(engine)
}
