//! The WebGPU engine. The page loads it after the first prediction and uses it where it is faster.

use burn::tensor::Device;
use burn_wgpu::WgpuSetup;
use js_sys::Function;
use unstamp_web::engine::Engine;
use unstamp_web::messages::Hardware;
use wasm_bindgen::prelude::*;

/// The name of the adapter, and whether it runs on the processor. Many browsers tell the name only
/// to JavaScript; `name` is that one.
fn hardware(setup: &WgpuSetup, name: String) -> Hardware {
    let info = setup.adapter.get_info();
    let adapter = if info.name.is_empty() { name } else { info.name };
    Hardware::WebGpu { adapter, software: info.device_type == wgpu::DeviceType::Cpu }
}

/// Starts the engine; see [`Engine::new`] for `post` and `pause`.
///
/// # Errors
/// The reason as text, if the browser gives no WebGPU device.
#[wasm_bindgen]
pub async fn start(post: Function, pause: Function, name: String) -> Result<Engine, JsValue> {
    console_error_panic_hook::set_once();
    let options = Device::wgpu_options().tasks_max(64);
    let (device, setup) = options
        .init_with_setup_async()
        .await
        .map_err(|error| JsValue::from_str(&error.to_string()))?;
    let engine = Engine::new(device, post, pause);
    engine.ready(hardware(&setup, name));
    Ok(engine)
}

fn main() {}
