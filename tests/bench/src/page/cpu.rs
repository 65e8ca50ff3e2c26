//! Exports that compute on the CPU. The page itself measures the time of `infer` and `train`; the browser tests
//! call the checks.

use super::{exception, gradient};
use burn::tensor::{Device, Tensor};
use unstamp_bench::image_hashes::hashes;
use unstamp_bench::implementation::{Implementation, LabelledBatch, images};
use unstamp_bench::{BenchError, checks, load};
use wasm_bindgen::prelude::*;

/// An implementation with the batch it was last asked for.
#[wasm_bindgen]
pub struct BrowserImplementation {
    implementation: Implementation,
    batch: Option<Tensor<4>>,
    labelled: Option<LabelledBatch>,
}

#[wasm_bindgen]
impl BrowserImplementation {
    /// From the bytes of a published model. `ours` is that of [`Implementation::new`].
    ///
    /// # Errors
    /// If the bytes are no model, or as [`Implementation::new`].
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8], ours: bool) -> Result<BrowserImplementation, JsValue> {
        console_error_panic_hook::set_once();
        let (arch, arrays) = load(model).map_err(exception)?;
        let implementation = Implementation::new(ours, &arch, &arrays).map_err(exception)?;
        Ok(Self { implementation, batch: None, labelled: None })
    }

    /// Prepares a batch, and gives its images `[count, 3, 32, 32]` for the other implementations.
    pub fn prepare(&mut self, count: usize) -> Vec<f32> {
        let batch = images(count, &Device::flex());
        let values = batch.clone().into_data().try_into_vec::<f32>().unwrap_or_default();
        self.batch = Some(batch);
        self.labelled = Some(LabelledBatch::new(count));
        values
    }

    /// Logits of the prepared batch.
    ///
    /// # Errors
    /// If no batch was prepared.
    pub async fn infer(&self) -> Result<Vec<f32>, JsValue> {
        let batch = self.batch.as_ref().ok_or(BenchError::NotPrepared).map_err(exception)?;
        Ok(self.implementation.infer(batch).await)
    }

    /// One training step on the prepared batch; its loss.
    ///
    /// # Errors
    /// If no batch was prepared.
    pub async fn train(&mut self) -> Result<f32, JsValue> {
        let batch = self.labelled.as_ref().ok_or(BenchError::NotPrepared).map_err(exception)?;
        Ok(self.implementation.train(batch).await)
    }
}

/// Property checks of the kernels in this browser; see [`checks::kernels_agree`].
///
/// # Errors
/// As [`checks::kernels_agree`].
#[wasm_bindgen]
pub async fn kernels_agree(count: usize) -> Result<(), JsValue> {
    console_error_panic_hook::set_once();
    checks::kernels_agree(count).await.map_err(exception)
}

/// Hashes of generated images and triggers; see [`hashes`].
///
/// # Errors
/// As [`hashes`].
#[wasm_bindgen]
pub fn image_hashes() -> Result<Vec<String>, JsValue> {
    hashes().map_err(exception)
}

/// The loss and gradient of two model files (their bytes) on the CPU; see [`gradient`].
///
/// # Errors
/// If a file is no model, or as [`gradient`].
#[wasm_bindgen]
pub async fn gradient_on_cpu(
    teacher: Vec<u8>,
    student: Vec<u8>,
    images: usize,
) -> Result<String, JsValue> {
    console_error_panic_hook::set_once();
    gradient(&teacher, &student, images, &Device::flex()).await.map_err(exception)
}
