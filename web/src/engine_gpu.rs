//! The WebGPU engine. It comes after the first answer and takes over where it is faster.
#![recursion_limit = "256"]

mod engine;
mod messages;

use burn::tensor::Device;
use burn_wgpu::WgpuSetup;
use engine::Engine;
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// What the adapter calls itself (browsers often tell it only to scripts), and whether it is software.
fn adapter(setup: &WgpuSetup, told: &str) -> (String, bool) {
    let info = setup.adapter.get_info();
    let names = [info.name.as_str(), told];
    let name = names.into_iter().find(|n| !n.is_empty()).unwrap_or("unnamed adapter");
    (name.to_string(), info.device_type == wgpu::DeviceType::Cpu)
}

/// Starts the engine, or fails with a sentence where there is no adapter.
#[wasm_bindgen]
pub async fn start(post: Function, pause: Function, told: String) -> Result<Engine, JsValue> {
    console_error_panic_hook::set_once();
    let options = Device::wgpu_options().tasks_max(64);
    let (device, setup) = options
        .init_with_setup_async()
        .await
        .map_err(|e| JsValue::from_str(&format!("WebGPU could not be started: {e}.")))?;
    let (name, software) = adapter(&setup, &told);
    let engine = Engine::new(device, post, pause);
    engine.ready("webgpu", &name, software);
    Ok(engine)
}

fn main() {}
