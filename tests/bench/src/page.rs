//! The exports for a page. The CPU and WebGPU have separate programs, whose dependencies have the same features
//! as those of an engine of the page. So these dependencies are compiled once.

#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "wgpu")]
mod webgpu;

use burn::tensor::Device;
use unstamp_bench::gradient::gradient_probe;
use unstamp_bench::{BenchError, load};
use wasm_bindgen::prelude::*;

/// The sentence of an error, which JavaScript receives as an exception.
fn exception(error: BenchError) -> JsValue {
    JsValue::from_str(&error.to_string())
}

/// [`gradient_probe`] on `device`, as JSON with the keys `loss`, `parts` and `gradients`.
async fn gradient(
    teacher: &[u8],
    student: &[u8],
    images: usize,
    device: &Device,
) -> Result<String, BenchError> {
    let (_, teacher) = load(teacher)?;
    let (arch, student) = load(student)?;
    let found = gradient_probe(&arch, &teacher, &student, images, device).await?;
    let json = serde_json::json!({
        "loss": found.loss,
        "parts": found.parts,
        "gradients": found.norms,
    });
    Ok(json.to_string())
}
