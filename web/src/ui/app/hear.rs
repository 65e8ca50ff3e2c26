//! What happens when the worker answers, and which engine is used.

use super::{App, EngineStatus, Progress, query};
use crate::link::{Incoming, Which};
use crate::messages::{Reply, Request};
use leptos::prelude::*;

impl App {
    pub(super) fn hear(self, incoming: Incoming) {
        match incoming {
            Incoming::Dispatches(count) => self.engine.update(|e| e.dispatches = count),
            Incoming::Broken(Which::Gpu, message) => self.leave_gpu(&message),
            Incoming::Broken(Which::Learn, message) => self.leave_learn(&message),
            Incoming::Broken(Which::Cpu, message) => {
                self.leave_learn(&format!("{message} The engine was started again."));
                self.inner.update_value(|inner| inner.loaded.clear());
                self.engine.set(EngineStatus::default());
                if let Some(link) = self.link() {
                    link.restart();
                    link.start(Which::Cpu, false);
                }
            }
            Incoming::Reply(which, reply, bytes) => self.answer(which, *reply, bytes),
        }
    }

    fn leave_gpu(self, message: &str) {
        self.inner.update_value(|inner| inner.loaded.retain(|(engine, _)| *engine != "gpu"));
        self.engine.update(|e| {
            e.active = "cpu".into();
            e.adapter = "WebAssembly SIMD".into();
            e.note = message.to_string();
        });
        self.refresh();
    }

    fn answer(self, which: Which, reply: Reply, bytes: Vec<u8>) {
        match reply {
            Reply::Ready { engine, adapter, software, defences } => match which {
                Which::Learn => {
                    self.defences.set(defences);
                    self.begin_erasing();
                }
                Which::Cpu => {
                    self.engine.update(|e| (e.active, e.adapter) = (engine, adapter));
                    self.refresh();
                }
                Which::Gpu => self.try_gpu(adapter, software),
            },
            Reply::Loaded { model, .. } => {
                if which == self.which() {
                    self.predict();
                    // While a model is being erased its rates would be those of a moving target.
                    if self.erasing.with_untracked(Option::is_none) {
                        self.evaluate_soon();
                    }
                } else if let Some(link) = self.link() {
                    let probes = if self.engine.with_untracked(|e| e.note.contains("software")) {
                        2
                    } else {
                        8
                    };
                    link.send(
                        Which::Gpu,
                        &Request::SelfTest { id: link.id(), model, probes },
                        None,
                    );
                }
            }
            Reply::Prediction { model, answer, .. } => {
                self.loading.set(None);
                self.answers.update(|answers| _ = answers.insert(model, answer));
                self.after_first_answer();
            }
            Reply::Evaluation { id, model, seen, total, report } => {
                if self.inner.with_value(|inner| inner.evaluation == id) {
                    let progress = Progress { seen, total, report: *report };
                    self.progress.update(|all| _ = all.insert(model, progress));
                }
            }
            Reply::Tested { difference, passed, .. } if which == Which::Cpu => {
                self.engine.update(|e| e.self_test = Some(passed));
                if !passed {
                    self.message.set(format!(
                        "This browser computes wrongly (off by {difference:.2} in the self-test): do not trust the numbers."
                    ));
                }
            }
            Reply::Tested { model, difference, passed, .. } => {
                self.engine.update(|e| e.self_test = Some(passed));
                if !passed {
                    self.leave_gpu(&format!(
                        "The GPU gave wrong results in its self-test (off by {difference:.2}), so the CPU goes on."
                    ));
                } else if query("engine") == "webgpu" {
                    self.take_gpu();
                } else if let Some(link) = self.link() {
                    for which in [Which::Cpu, Which::Gpu] {
                        let request =
                            Request::Measure { id: link.id(), model: model.clone(), images: 32 };
                        link.send(which, &request, None);
                    }
                }
            }
            Reply::Measured { milliseconds, .. } => {
                self.engine
                    .update(|e| e.measured[usize::from(which == Which::Gpu)] = Some(milliseconds));
                if let [Some(cpu), Some(gpu)] = self.engine.with_untracked(|e| e.measured) {
                    if gpu < cpu {
                        self.take_gpu();
                    } else {
                        self.engine.update(|e| {
                            e.note = format!(
                                "CPU is faster here: 32 images in {cpu:.0} ms, WebGPU {gpu:.0} ms"
                            );
                        });
                    }
                }
            }
            Reply::Failed { id, model, message } => {
                self.message.set(message);
                if self.inner.with_value(|inner| inner.erasure == id) {
                    self.erasing.set(None);
                    return;
                }
                self.inner.update_value(|inner| inner.loaded.retain(|(_, m)| *m != model));
                self.state.update(|s| s.models.retain(|m| *m != model || !m.starts_with("own-")));
            }
            Reply::Erasing { id, model, erasing } => self.hear_erasing(id, &model, *erasing, bytes),
            Reply::Gradient { .. } => {}
        }
    }

    /// After the first answer, and only once: the CPU tests itself, then the GPU engine is loaded.
    fn after_first_answer(self) {
        let asked =
            self.inner.try_update_value(|inner| std::mem::replace(&mut inner.asked_gpu, true));
        let (Some(false), Some(link)) = (asked, self.link()) else { return };
        if let Some(model) = self.ready_models().into_iter().find(|m| !m.starts_with("own-")) {
            let request = Request::SelfTest { id: link.id(), model, probes: 8 };
            link.send(Which::Cpu, &request, None);
        }
        let wish = query("engine");
        if wish != "cpu" {
            link.start(Which::Gpu, wish == "webgpu");
        }
    }

    /// The GPU engine is there: it must pass the self-test before it is used.
    fn try_gpu(self, adapter: String, software: bool) {
        let kind = if software { "software adapter" } else { "adapter" };
        self.engine.update(|e| e.note = format!("WebGPU {kind}: {adapter}; testing it"));
        if let Some(model) = self.ready_models().into_iter().find(|m| !m.starts_with("own-")) {
            self.load_into(Which::Gpu, &model, query("corrupt") == "1");
        }
    }

    fn take_gpu(self) {
        self.engine.update(|e| {
            e.active = "webgpu".into();
            e.adapter =
                e.note.trim_start_matches("WebGPU ").trim_end_matches("; testing it").to_string();
            e.note = String::new();
        });
        self.refresh();
    }
}
