//! The engine: loads models, predicts, evaluates, erases. The CPU and the WebGPU program are both
//! this, on another device.

#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "learn")]
mod erase;
#[cfg(feature = "learn")]
mod gradient;

use crate::messages::{Answer, Reply, Request};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use unstamp_shared::Device;
use unstamp_shared::attention::{Look, look};
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::evaluate::Evaluation;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::model::weights::{self, Arrays, Metadata};
use unstamp_shared::model::{Arch, Frozen, batch};
use unstamp_shared::poison::{TriggerRecord, sign_trigger};
use unstamp_shared::seed::Seed;
use unstamp_shared::self_test::{self, SelfTestAnswers, TOLERANCE};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Images an evaluation takes before it looks for newer requests.
const STEP: usize = 40;

/// A loaded model.
struct Loaded {
    entry: ModelEntry,
    #[cfg(feature = "learn")]
    weights: (Arch, Arrays),
    network: Frozen,
    /// What the file says the network answers.
    probe: Option<SelfTestAnswers>,
    /// Clean predictions of the test images so far: a moved trigger does not change them.
    clean: RefCell<Vec<u16>>,
}

struct State {
    models: HashMap<String, Rc<Loaded>>,
    tests: Rc<Split>,
    newest_prediction: u32,
    newest_evaluation: u32,
    newest_erasure: u32,
}

/// An engine on one device.
#[wasm_bindgen]
pub struct Engine {
    device: Device,
    post: Function,
    pause: Function,
    state: Rc<RefCell<State>>,
}

fn now() -> f64 {
    let clock =
        Reflect::get(&js_sys::global(), &"performance".into()).unwrap_or(JsValue::UNDEFINED);
    let now = Reflect::get(&clock, &"now".into()).ok().and_then(|f| f.dyn_into::<Function>().ok());
    now.and_then(|f| f.call0(&clock).ok()).and_then(|v| v.as_f64()).unwrap_or(0.0)
}

fn unusable(entry: &ModelEntry, error: &dyn std::fmt::Display) -> String {
    format!("{} is not usable: {error}.", entry.file)
}

/// Weights of a model file and the network they are for.
fn read(
    entry: &ModelEntry,
    bytes: &[u8],
) -> Result<(Arch, Arrays, Option<SelfTestAnswers>), String> {
    let (arrays, metadata) =
        weights::from_bytes::<Metadata>(bytes).map_err(|e| unusable(entry, &e))?;
    let (name, classes) = (entry.arch.clone(), entry.class_names.len());
    let (normalisation, probe) = metadata.map(|m| (m.normalisation, m.probe)).unwrap_or_default();
    Ok((Arch { name, classes, normalisation }, arrays, probe))
}

impl Engine {
    /// `post` takes a JSON text and bytes beside it; `pause` gives a promise that lets waiting messages in.
    pub fn new(device: Device, post: Function, pause: Function) -> Self {
        let tests = Rc::new(Split::new(signs::SIZE, signs::SIZE));
        let state = State {
            models: HashMap::new(),
            tests,
            newest_prediction: 0,
            newest_evaluation: 0,
            newest_erasure: 0,
        };
        Self { device, post, pause, state: Rc::new(RefCell::new(state)) }
    }

    fn reply(&self, reply: &Reply) {
        self.reply_with(reply, &[]);
    }

    fn reply_with(&self, reply: &Reply, bytes: &[u8]) {
        let text = serde_json::to_string(reply).unwrap_or_default();
        // A page that is gone hears nothing; there is nobody to tell.
        let _ = self.post.call2(&JsValue::NULL, &text.into(), &Uint8Array::from(bytes));
    }

    /// Says what this engine is.
    pub fn ready(&self, engine: &str, adapter: &str, software: bool) {
        #[cfg(feature = "learn")]
        let defences = erase::defences();
        #[cfg(not(feature = "learn"))]
        let defences = Vec::new();
        let (engine, adapter) = (engine.into(), adapter.into());
        self.reply(&Reply::Ready { engine, adapter, software, defences });
    }

    async fn let_others_in(&self) {
        if let Ok(promise) = self.pause.call0(&JsValue::NULL) {
            let _ = JsFuture::from(Promise::from(promise)).await;
        }
    }

    fn model(&self, id: &str) -> Result<Rc<Loaded>, String> {
        let state = self.state.borrow();
        state.models.get(id).cloned().ok_or_else(|| format!("The model {id} is not loaded."))
    }

    fn load(&self, entry: ModelEntry, bytes: &[u8], corrupt: bool) -> Result<(), String> {
        let (arch, mut arrays, probe) = read(&entry, bytes)?;
        if corrupt && let Some(array) = arrays.get_mut("block2.layer.0.conv1.weight") {
            array.values[0] += 40.0;
        }
        let network =
            weights::frozen(&arch, &arrays, &self.device).map_err(|e| unusable(&entry, &e))?;
        let clean = RefCell::default();
        let loaded = Loaded {
            entry: entry.clone(),
            #[cfg(feature = "learn")]
            weights: (arch, arrays),
            network,
            probe,
            clean,
        };
        self.state.borrow_mut().models.insert(entry.id, Rc::new(loaded));
        Ok(())
    }

    async fn predict(&self, model: &Loaded, image: &[u8]) -> Result<Answer, String> {
        let start = now();
        let split = Split { width: 32, height: 32, pixels: image.to_vec(), labels: vec![0] };
        if split.pixels.len() != split.stride() {
            return Err("The image is not 32 by 32 pixels.".into());
        }
        let image = batch(&split, &[0], &self.device, |_, _| ());
        let Look { probabilities, maps } =
            look(&model.network, image).await.map_err(|e| e.to_string())?;
        Ok(Answer { probabilities, maps, milliseconds: now() - start })
    }

    /// Draws test images until there are `count`.
    async fn tests(&self, count: usize) -> Rc<Split> {
        loop {
            let have = self.state.borrow().tests.len();
            if have >= count.min(signs::TEST) {
                return self.state.borrow().tests.clone();
            }
            let mut split = Split::clone(&self.state.borrow().tests);
            for i in have..(have + 2 * STEP).min(signs::TEST) {
                let (image, label) = signs::draw(Seed(0), SplitName::Test, i);
                split.push(&image, label);
            }
            self.state.borrow_mut().tests = Rc::new(split);
            self.let_others_in().await;
        }
    }

    async fn evaluate(
        &self,
        id: u32,
        name: &str,
        record: &TriggerRecord,
        images: usize,
    ) -> Result<(), String> {
        let model = self.model(name)?;
        let classes = model.entry.class_names.len();
        let trigger = sign_trigger(record, classes)?;
        let total = images.min(signs::TEST);
        let mut evaluation = Evaluation::with_clean(classes, model.clean.borrow().clone());
        while evaluation.seen() < total {
            let count = STEP.min(total - evaluation.seen());
            let tests = self.tests(evaluation.seen() + count).await;
            evaluation
                .step(&model.network, &tests, Some(&trigger), &self.device, count)
                .await
                .map_err(|e| e.to_string())?;
            self.let_others_in().await;
            if self.state.borrow().newest_evaluation != id {
                return Ok(());
            }
            let (seen, report) = (evaluation.seen(), Box::new(evaluation.report(Some(&trigger))));
            self.reply(&Reply::Evaluation { id, model: name.into(), seen, total, report });
        }
        let clean = evaluation.predictions.iter().map(|(clean, _)| *clean);
        model.clean.replace(clean.collect());
        Ok(())
    }

    /// Milliseconds for a batch, the median of three after one that is not counted.
    async fn measure(&self, model: &str, images: usize) -> Result<f64, String> {
        let loaded = self.model(model)?;
        let all: Vec<usize> = (0..images).collect();
        let input = batch(&self_test::images(images), &all, &self.device, |_, _| ());
        let mut times = Vec::new();
        for _ in 0..4 {
            let start = now();
            let logits = loaded.network.forward(input.clone()).logits.flatten(0, 1);
            weights::read(vec![logits]).await.map_err(|e| e.to_string())?;
            times.push(now() - start);
            self.let_others_in().await;
        }
        times.remove(0);
        times.sort_by(f64::total_cmp);
        Ok(times[1])
    }

    async fn answer(&self, request: Request, bytes: &[u8]) -> Result<(), (u32, String, String)> {
        let failed = |id: u32, model: &str| {
            let model = model.to_string();
            move |message: String| (id, model, message)
        };
        match request {
            Request::Load { id, entry, corrupt } => {
                let model = entry.id.clone();
                self.load(*entry, bytes, corrupt).map_err(failed(id, &model))?;
                self.reply(&Reply::Loaded { id, model });
            }
            Request::Predict { id, image, models } => {
                self.state.borrow_mut().newest_prediction = id;
                for model in models {
                    let loaded = self.model(&model).map_err(failed(id, &model))?;
                    let answer = self.predict(&loaded, &image).await.map_err(failed(id, &model))?;
                    self.reply(&Reply::Prediction { id, model, answer });
                    self.let_others_in().await;
                    if self.state.borrow().newest_prediction != id {
                        break;
                    }
                }
            }
            Request::Evaluate { id, models, trigger, images } => {
                self.state.borrow_mut().newest_evaluation = id;
                for model in models {
                    if self.state.borrow().newest_evaluation != id {
                        break;
                    }
                    self.evaluate(id, &model, &trigger, images)
                        .await
                        .map_err(failed(id, &model))?;
                }
            }
            Request::SelfTest { id, model, probes } => {
                let loaded = self.model(&model).map_err(failed(id, &model))?;
                let found = self_test::answers(&loaded.network, probes, &self.device).await;
                let found = found.map_err(|e| failed(id, &model)(e.to_string()))?;
                let stored = loaded.probe.as_ref();
                let difference = stored.map_or(f32::INFINITY, |stored| stored.difference(&found));
                let (passed, probe) = (difference <= TOLERANCE, Box::new(found));
                let difference = difference.min(f32::MAX);
                self.reply(&Reply::Tested { id, model, difference, passed, probe });
            }
            Request::Measure { id, model, images } => {
                let milliseconds = self.measure(&model, images).await;
                let milliseconds = milliseconds.map_err(failed(id, &model))?;
                self.reply(&Reply::Measured { id, model, images, milliseconds });
            }
            #[cfg(feature = "learn")]
            Request::Erase { id, entry, defence, set } => {
                self.state.borrow_mut().newest_erasure = id;
                let outcome = self.erase(id, &entry, &defence, &set, bytes).await;
                outcome.map_err(failed(id, ""))?;
            }
            Request::Stop { id } => self.state.borrow_mut().newest_erasure = id,
            #[cfg(feature = "learn")]
            Request::Gradient { id, teacher, student, images } => {
                let reply = self.gradient(id, &teacher, &student, images).await;
                self.reply(&reply.map_err(failed(id, &student))?);
            }
            #[cfg(not(feature = "learn"))]
            Request::Erase { id, .. } | Request::Gradient { id, .. } => {
                return Err(failed(id, "")("This engine only predicts.".into()));
            }
        }
        Ok(())
    }
}

#[wasm_bindgen]
impl Engine {
    /// Answers one request, given as JSON with the bytes beside it.
    pub async fn handle(&self, request: String, bytes: Vec<u8>) {
        let outcome = match serde_json::from_str(&request) {
            Ok(request) => self.answer(request, &bytes).await,
            Err(e) => {
                Err((0, String::new(), format!("The page asked for something unknown: {e}.")))
            }
        };
        if let Err((id, model, message)) = outcome {
            self.reply(&Reply::Failed { id, model, message });
        }
    }
}

/// For tests: SHA-256 of 100 signs and of each under every attack, in the order of the list.
#[wasm_bindgen]
pub fn golden() -> Vec<String> {
    unstamp_shared::golden::hashes()
}
