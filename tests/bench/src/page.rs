//! The same in a page: it times `infer` and `train` itself, as it does the rivals'.

use burn::tensor::{Device, Tensor};
use unstamp_bench::contender::{Contender, Lesson, images};
use unstamp_bench::{checks, load};
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
