//! The engine: loads models, predicts, evaluates and runs defences. Every engine program holds
//! this code; the programs differ in their device and in whether they can train.

#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "learn")]
mod erase;
mod evaluate;
mod model;
mod predict;

use crate::messages::{Failure, Hardware, Reply, Request};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use model::LoadedModel;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use unstamp_shared::Device;
use unstamp_shared::datasets::{Split, signs};
use unstamp_shared::image::Image;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The part of an engine that changes while it runs.
struct State {
    models: HashMap<String, Rc<LoadedModel>>,
    /// The test images generated so far.
    tests: Rc<Split>,
    newest: Newest,
}

/// The newest request of each kind that a later one replaces.
#[derive(Default)]
struct Newest {
    prediction: u32,
    evaluation: u32,
    erasure: u32,
}

/// An engine on one device.
#[wasm_bindgen]
pub struct Engine {
    device: Device,
    post: Function,
    pause: Function,
    state: Rc<RefCell<State>>,
}

/// Milliseconds since the worker started; 0 in a browser without `performance.now`.
fn now() -> f64 {
    let clock =
        Reflect::get(&js_sys::global(), &"performance".into()).unwrap_or(JsValue::UNDEFINED);
    let now = Reflect::get(&clock, &"now".into()).ok().and_then(|f| f.dyn_into::<Function>().ok());
    now.and_then(|f| f.call0(&clock).ok()).and_then(|v| v.as_f64()).unwrap_or(0.0)
}

impl Engine {
    /// An engine on `device`. `post` takes a reply as JSON and the bytes that travel with it;
    /// `pause` returns a promise, and the worker receives waiting messages before the promise
    /// resolves.
    pub fn new(device: Device, post: Function, pause: Function) -> Self {
        let state = State {
            models: HashMap::new(),
            tests: Rc::new(Split::new(signs::SIZE, signs::SIZE)),
            newest: Newest::default(),
        };
        Self { device, post, pause, state: Rc::new(RefCell::new(state)) }
    }

    /// Tells the page that the engine has started, and on which hardware.
    pub fn ready(&self, hardware: Hardware) {
        #[cfg(feature = "learn")]
        let defences = erase::defences();
        #[cfg(not(feature = "learn"))]
        let defences = Vec::new();
        self.reply(&Reply::Ready { hardware, defences });
    }

    fn reply(&self, reply: &Reply) {
        self.reply_with(reply, &[]);
    }

    fn reply_with(&self, reply: &Reply, bytes: &[u8]) {
        let text = serde_json::to_string(reply).unwrap_or_default();
        // `post` fails only after the page is closed; then nobody reads the reply.
        let _ = self.post.call2(&JsValue::NULL, &text.into(), &Uint8Array::from(bytes));
    }

    /// Tells the page about a failure; returns whether there was none.
    fn succeeded(&self, id: u32, model: &str, outcome: Result<(), Failure>) -> bool {
        let Err(failure) = outcome else { return true };
        self.reply(&Reply::Failed { id, model: model.to_string(), failure });
        false
    }

    /// Lets the worker receive newer requests.
    async fn pause(&self) {
        if let Ok(promise) = self.pause.call0(&JsValue::NULL) {
            let _ = JsFuture::from(Promise::from(promise)).await;
        }
    }

    async fn predict_all(&self, id: u32, models: Vec<String>, image: Option<Image>) {
        self.state.borrow_mut().newest.prediction = id;
        for model in models {
            let outcome = self.predict(id, &model, image.as_ref()).await;
            if !self.succeeded(id, &model, outcome) {
                return;
            }
            self.pause().await;
            if self.state.borrow().newest.prediction != id {
                return;
            }
        }
    }

    async fn answer(&self, request: Request, bytes: &[u8]) {
        match request {
            Request::Load { id, entry, corrupt } => {
                let model = entry.id.clone();
                let outcome = self.load(id, *entry, bytes, corrupt);
                self.succeeded(id, &model, outcome);
            }
            Request::Predict { id, width, height, image, models } => {
                let image = Image::from_pixels(width, height, image);
                self.predict_all(id, models, image).await;
            }
            Request::Evaluate { id, models, trigger, images } => {
                self.evaluate_all(id, models, &trigger, images).await;
            }
            Request::SelfTest { id, model, images } => {
                let outcome = self.self_test(id, &model, images).await;
                self.succeeded(id, &model, outcome);
            }
            Request::Measure { id, model, images } => {
                let outcome = self.measure(id, &model, images).await;
                self.succeeded(id, &model, outcome);
            }
            #[cfg(feature = "learn")]
            Request::Erase { id, entry, defence, set } => {
                self.state.borrow_mut().newest.erasure = id;
                let outcome = self.erase(id, &entry, &defence, &set, bytes).await;
                self.succeeded(id, &entry.id, outcome);
            }
            #[cfg(not(feature = "learn"))]
            Request::Erase { id, entry, .. } => {
                self.succeeded(id, &entry.id, Err(Failure::OnlyPredicts));
            }
            Request::Stop { id } => self.state.borrow_mut().newest.erasure = id,
        }
    }
}

#[wasm_bindgen]
impl Engine {
    /// Answers one request, given as JSON with the bytes that travel with it.
    pub async fn handle(&self, request: String, bytes: Vec<u8>) {
        match serde_json::from_str(&request) {
            Ok(request) => self.answer(request, &bytes).await,
            Err(error) => {
                let failure = Failure::UnreadableRequest { reason: error.to_string() };
                self.succeeded(0, "", Err(failure));
            }
        }
    }
}
