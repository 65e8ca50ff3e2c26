//! The engine on the CPU: Burn's `flex` backend with our SIMD kernels.

use super::Engine;
use crate::messages::Hardware;
use js_sys::Function;
use unstamp_shared::Device;
use wasm_bindgen::prelude::*;

/// Starts the engine; see [`Engine::new`] for `post` and `pause`.
///
/// # Errors
///
/// Never. The worker starts every engine in the same way, and the WebGPU engine may fail.
#[wasm_bindgen]
pub async fn start(post: Function, pause: Function) -> Result<Engine, JsValue> {
    console_error_panic_hook::set_once();
    let engine = Engine::new(Device::flex(), post, pause);
    engine.ready(Hardware::Cpu { relaxed: cfg!(feature = "relaxed") });
    Ok(engine)
}
