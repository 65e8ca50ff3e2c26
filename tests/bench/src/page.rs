//! The exports for a page. The page itself measures the time of `infer` and `train`; the browser
//! tests call the checks.

use burn::tensor::{Device, Tensor};
use unstamp_bench::contender::{Contender, Lesson, images};
use unstamp_bench::gradient::gradient_probe;
use unstamp_bench::{checks, golden, load};
use wasm_bindgen::prelude::*;

/// A contender with the batch it was last asked for.
#[wasm_bindgen]
pub struct Bench {
    contender: Contender,
    batch: Option<Tensor<4>>,
    lesson: Option<Lesson>,
}

#[wasm_bindgen]
impl Bench {
    /// From the bytes of a model of the zoo.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8], ours: bool) -> Result<Bench, String> {
        console_error_panic_hook::set_once();
        let (arch, arrays) = load(model)?;
        Ok(Self { contender: Contender::new(ours, &arch, &arrays)?, batch: None, lesson: None })
    }

    /// The inputs as `[count, 3, 32, 32]`, for rivals to take the same.
    pub fn prepare(&mut self, count: usize) -> Vec<f32> {
        let batch = images(count, &Device::flex());
        let values = batch.clone().into_data().try_into_vec::<f32>().unwrap_or_default();
        self.batch = Some(batch);
        self.lesson = Some(Lesson::new(count));
        values
    }

    /// Logits of the prepared batch.
    pub async fn infer(&self) -> Result<Vec<f32>, String> {
        let batch = self.batch.as_ref().ok_or("prepare a batch first")?;
        Ok(self.contender.infer(batch).await)
    }

    /// One training step on the prepared batch; its loss.
    pub async fn train(&mut self) -> Result<f32, String> {
        let lesson = self.lesson.as_ref().ok_or("prepare a batch first")?;
        Ok(self.contender.train(lesson).await)
    }
}

/// Property checks of the kernels in this browser; see [`checks::kernels_agree`].
#[wasm_bindgen]
pub async fn kernels_agree(count: usize) -> Result<(), String> {
    console_error_panic_hook::set_once();
    checks::kernels_agree(count).await
}

/// Hashes of generated images and triggers; see [`golden::hashes`].
#[wasm_bindgen]
pub fn golden_hashes() -> Result<Vec<String>, String> {
    golden::hashes()
}

/// [`gradient_probe`] on `device`, as JSON with the keys `loss`, `parts` and `gradients`.
async fn gradient(
    teacher: &[u8],
    student: &[u8],
    images: usize,
    device: &Device,
) -> Result<String, String> {
    let (_, teacher) = load(teacher)?;
    let (arch, student) = load(student)?;
    let found = gradient_probe(&arch, &teacher, &student, images, device)
        .await
        .map_err(|error| error.to_string())?;
    let json = serde_json::json!({
        "loss": found.loss,
        "parts": found.parts,
        "gradients": found.norms,
    });
    Ok(json.to_string())
}

/// The loss and gradient of two model files (their bytes) on the CPU; see [`gradient_probe`].
#[wasm_bindgen]
pub async fn gradient_on_cpu(
    teacher: Vec<u8>,
    student: Vec<u8>,
    images: usize,
) -> Result<String, String> {
    console_error_panic_hook::set_once();
    gradient(&teacher, &student, images, &Device::flex()).await
}

/// The loss and gradient of two model files (their bytes) on WebGPU; see [`gradient_probe`].
#[cfg(feature = "wgpu")]
#[wasm_bindgen]
pub async fn gradient_on_webgpu(
    teacher: Vec<u8>,
    student: Vec<u8>,
    images: usize,
) -> Result<String, String> {
    console_error_panic_hook::set_once();
    let device =
        Device::wgpu_options().tasks_max(64).init_async().await.map_err(|e| e.to_string())?;
    gradient(&teacher, &student, images, &device).await
}
