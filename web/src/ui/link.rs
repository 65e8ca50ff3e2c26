//! The connection to the worker: starts it, sends requests, receives replies.

use crate::app::engines::{EngineKind, StopReason};
use crate::messages::{Reply, Request};
use crate::text;
use js_sys::{Array, Object, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// A message from the worker.
pub enum Incoming {
    /// A reply of an engine, and the bytes that travel with it.
    Reply(EngineKind, Box<Reply>, Vec<u8>),
    /// An engine stopped or could not start.
    Stopped(EngineKind, StopReason),
    /// The number of WebGPU dispatches so far.
    Dispatches(f64),
}

type Handler = Rc<dyn Fn(Incoming)>;

/// The connection to the worker. Copies share one worker.
#[derive(Clone)]
pub struct Link {
    worker: Rc<RefCell<Option<Worker>>>,
    handler: Handler,
    next_id: Rc<Cell<u32>>,
}

fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

fn set(object: &Object, key: &str, value: impl Into<JsValue>) {
    // Setting a field of a new plain object cannot fail.
    let _ = Reflect::set(object, &key.into(), &value.into());
}

/// Reads JSON; an error becomes the reason to stop the engine.
fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StopReason> {
    serde_json::from_str(text)
        .map_err(|error| StopReason::UnreadableReply { detail: error.to_string() })
}

/// Reads a message of `worker.js`; `None` if it is not one.
fn read(data: &JsValue) -> Option<Incoming> {
    if let Some(count) = field(data, "dispatches").as_f64() {
        return Some(Incoming::Dispatches(count));
    }
    let engine = EngineKind::named(&field(data, "from").as_string()?)?;
    if let Some(text) = field(data, "stopped").as_string() {
        let reason = parse(&text).unwrap_or_else(|unreadable| unreadable);
        return Some(Incoming::Stopped(engine, reason));
    }
    let text = field(data, "reply").as_string()?;
    let bytes = field(data, "bytes").dyn_into::<Uint8Array>();
    let bytes = bytes.map_or_else(|_| Vec::new(), |bytes| bytes.to_vec());
    Some(match parse(&text) {
        Ok(reply) => Incoming::Reply(engine, Box::new(reply), bytes),
        Err(unreadable) => Incoming::Stopped(engine, unreadable),
    })
}

impl Link {
    /// Starts a worker; `handler` receives its messages.
    pub fn new(handler: impl Fn(Incoming) + 'static) -> Self {
        let link = Self {
            worker: Rc::default(),
            handler: Rc::new(handler),
            next_id: Rc::new(Cell::new(1)),
        };
        link.restart();
        link
    }

    /// Ends the worker, if there is one, and starts another.
    pub fn restart(&self) {
        if let Some(old) = self.worker.borrow_mut().take() {
            old.terminate();
        }
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let Ok(worker) = Worker::new_with_options("./worker.js", &options) else {
            (self.handler)(Incoming::Stopped(EngineKind::Cpu, StopReason::NoWorker));
            return;
        };
        let handler = self.handler.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(incoming) = read(&event.data()) {
                handler(incoming);
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        on_message.forget(); // It is needed as long as the worker runs.
        let handler = self.handler.clone();
        let on_error = Closure::<dyn Fn(JsValue)>::new(move |_| {
            let reason = StopReason::NotStarted { detail: text::WORKER_FILE.to_string() };
            handler(Incoming::Stopped(EngineKind::Cpu, reason));
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        on_error.forget();
        *self.worker.borrow_mut() = Some(worker);
    }

    /// Starts an engine in the worker; an adapter that runs on the processor counts only if
    /// `forced`.
    pub fn start(&self, engine: EngineKind, forced: bool) {
        let message = Object::new();
        set(&message, "start", engine.name());
        set(&message, "forced", forced);
        if let Some(worker) = self.worker.borrow().as_ref() {
            let _ = worker.post_message(&message);
        }
    }

    /// A new request number.
    pub fn id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Sends a request to an engine, with a copy of the bytes.
    pub fn send(&self, engine: EngineKind, request: &Request, bytes: Option<&[u8]>) {
        let message = Object::new();
        let bytes = Uint8Array::from(bytes.unwrap_or_default());
        let transferred = Array::of1(&bytes.buffer());
        set(&message, "to", engine.name());
        set(&message, "request", serde_json::to_string(request).unwrap_or_default());
        set(&message, "bytes", bytes);
        if let Some(worker) = self.worker.borrow().as_ref() {
            let _ = worker.post_message_with_transfer(&message, &transferred);
        }
    }
}
