//! Exports that compute on WebGPU, for the browser tests.

use super::{exception, gradient};
use burn::tensor::Device;
use unstamp_bench::BenchError;
use wasm_bindgen::prelude::*;

/// The loss and gradient of two model files (their bytes) on WebGPU; see [`gradient`].
///
/// # Errors
/// If WebGPU does not start, a file is no model, or as [`gradient`].
#[wasm_bindgen]
pub async fn gradient_on_webgpu(
    teacher: Vec<u8>,
    student: Vec<u8>,
    images: usize,
) -> Result<String, JsValue> {
    console_error_panic_hook::set_once();
    let device = Device::wgpu_options().tasks_max(64).init_async().await;
    let device = device.map_err(|error| exception(BenchError::WebGpu(error.to_string())))?;
    gradient(&teacher, &student, images, &device).await.map_err(exception)
}
