//! The worker seen from the page: starts it, speaks to it, starts it again after a crash.

use crate::messages::{Reply, Request};
use js_sys::{Array, Object, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// Which engine a message is for or from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Cpu,
    /// The CPU engine that also trains.
    Learn,
    Gpu,
}

impl Which {
    pub fn name(self) -> &'static str {
        match self {
            Which::Cpu => "cpu",
            Which::Learn => "learn",
            Which::Gpu => "gpu",
        }
    }
}

/// What comes from the worker.
pub enum Incoming {
    /// An answer, and the bytes beside it.
    Reply(Which, Box<Reply>, Vec<u8>),
    /// An engine could not start or broke down; the sentence is for the visitor.
    Broken(Which, String),
    /// Number of GPU dispatches so far.
    Dispatches(f64),
}

type Handler = Rc<dyn Fn(Incoming)>;

/// The worker.
#[derive(Clone)]
pub struct Link {
    worker: Rc<RefCell<Option<Worker>>>,
    handler: Handler,
    next: Rc<Cell<u32>>,
}

fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

impl Link {
    pub fn new(handler: impl Fn(Incoming) + 'static) -> Self {
        let link =
            Self { worker: Rc::default(), handler: Rc::new(handler), next: Rc::new(Cell::new(1)) };
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
            (self.handler)(Incoming::Broken(Which::Cpu, "This browser starts no worker.".into()));
            return;
        };
        let handler = self.handler.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            let from = field(&data, "from").as_string().unwrap_or_default();
            let engines = [Which::Cpu, Which::Learn, Which::Gpu];
            let which = engines.into_iter().find(|w| w.name() == from).unwrap_or(Which::Cpu);
            if let Some(count) = field(&data, "dispatches").as_f64() {
                handler(Incoming::Dispatches(count));
            } else if let Some(message) = field(&data, "broken").as_string() {
                handler(Incoming::Broken(which, message));
            } else if let Some(text) = field(&data, "reply").as_string() {
                match serde_json::from_str(&text) {
                    Ok(reply) => {
                        let bytes = field(&data, "bytes").dyn_into::<Uint8Array>();
                        let bytes = bytes.map_or_else(|_| Vec::new(), |b| b.to_vec());
                        handler(Incoming::Reply(which, Box::new(reply), bytes));
                    }
                    Err(e) => handler(Incoming::Broken(
                        which,
                        format!("The engine said something unknown: {e}."),
                    )),
                }
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        on_message.forget(); // lives as long as the worker
        *self.worker.borrow_mut() = Some(worker);
    }

    /// Starts an engine in the worker; a software adapter is only taken when `forced`.
    pub fn start(&self, which: Which, forced: bool) {
        let message = Object::new();
        let _ = Reflect::set(&message, &"start".into(), &which.name().into());
        let _ = Reflect::set(&message, &"forced".into(), &forced.into());
        if let Some(worker) = self.worker.borrow().as_ref() {
            let _ = worker.post_message(&message);
        }
    }

    /// A fresh request id.
    pub fn id(&self) -> u32 {
        self.next.replace(self.next.get() + 1)
    }

    /// Sends a request, with bytes that are copied.
    pub fn send(&self, which: Which, request: &Request, bytes: Option<&[u8]>) {
        let message = Object::new();
        let text = serde_json::to_string(request).unwrap_or_default();
        let _ = Reflect::set(&message, &"to".into(), &which.name().into());
        let _ = Reflect::set(&message, &"request".into(), &text.into());
        let bytes = Uint8Array::from(bytes.unwrap_or_default());
        let _ = Reflect::set(&message, &"bytes".into(), &bytes);
        if let Some(worker) = self.worker.borrow().as_ref() {
            let _ = worker.post_message_with_transfer(&message, &Array::of1(&bytes.buffer()));
        }
    }
}
