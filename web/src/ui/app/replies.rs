//! The reactions of the page to the messages of the worker.

use super::App;
use super::engines::{EngineKind, Engines, StopReason};
use super::evaluation::Progress;
use crate::link::Incoming;
use crate::messages::{DefenceName, Failure, Hardware, Reply};
use crate::text;
use leptos::prelude::*;

/// How often the CPU engine is started again after an error. An engine that fails more often stays down.
const MOST_RESTARTS: usize = 2;

impl App {
    /// Receives a message of the worker.
    pub(super) fn receive(self, incoming: Incoming) {
        match incoming {
            Incoming::Dispatches(count) => self.engines.update(|e| e.dispatches = count),
            Incoming::Stopped(EngineKind::WebGpu, reason) => self.webgpu_stopped(reason),
            Incoming::Stopped(EngineKind::Learn, reason) => {
                self.leave_learn(text::stopped(&reason));
            }
            Incoming::Stopped(EngineKind::Cpu, reason) => self.restart(&reason),
            Incoming::Reply(engine, reply, bytes) => self.receive_reply(engine, *reply, bytes),
        }
    }

    /// Starts the worker again, with the CPU engine. An engine that could not start, or failed too often,
    /// stays down.
    fn restart(self, reason: &StopReason) {
        let before = self.restarts.get_value();
        if !matches!(reason, StopReason::Crashed { .. }) || before >= MOST_RESTARTS {
            self.leave_learn(text::stays_down(reason));
            self.models.loading.set(None);
            return;
        }
        self.restarts.set_value(before + 1);
        self.fires.stop();
        self.leave_learn(text::restarted(reason));
        for engine in [EngineKind::Cpu, EngineKind::WebGpu] {
            self.models.forget_engine(engine);
        }
        self.engines.set(Engines::default());
        if let Some(link) = self.link() {
            link.restart();
            link.start(EngineKind::Cpu, false);
        }
    }

    fn receive_reply(self, engine: EngineKind, reply: Reply, bytes: Vec<u8>) {
        match reply {
            Reply::Ready { hardware, defences } => self.engine_ready(engine, hardware, defences),
            Reply::Loaded { model, .. } => self.model_loaded(engine, model),
            Reply::Prediction { model, answer, .. } => {
                self.models.loading.set(None);
                self.models.answers.update(|answers| _ = answers.insert(model, answer));
                self.test_engines();
            }
            Reply::Evaluation { id, model, seen, total, report } => {
                if self.receive_fires(id, seen >= total, &report) {
                    return;
                }
                let progress = Progress { seen, total, report: *report, stored: false };
                if self.evaluation.receive(id, model, progress) {
                    self.evaluate();
                }
            }
            Reply::Tested { model, difference, passed, .. } => {
                self.engines.update(|e| e.self_test = Some(passed));
                match engine {
                    EngineKind::WebGpu => self.webgpu_tested(model, difference, passed),
                    _ if !passed => self.say(text::wrong_results(difference)),
                    _ => {}
                }
            }
            Reply::Measured { milliseconds, .. } => self.engine_measured(engine, milliseconds),
            Reply::Failed { id, model, failure } => self.request_failed(id, &model, &failure),
            Reply::Erasing { id, model, progress } => {
                self.receive_erasure(id, model, *progress, bytes);
            }
        }
    }

    fn engine_ready(self, engine: EngineKind, hardware: Hardware, defences: Vec<DefenceName>) {
        match engine {
            EngineKind::Learn => {
                self.erasure.defences.set(defences);
                self.begin_erasure();
            }
            EngineKind::Cpu => {
                self.engines.update(|e| e.cpu = Some(hardware));
                self.refresh();
            }
            EngineKind::WebGpu => self.test_webgpu(hardware),
        }
    }

    fn model_loaded(self, engine: EngineKind, model: String) {
        if engine != self.engine() {
            self.self_test_webgpu(model);
            return;
        }
        self.predict();
        // The student of a running erasure changes with every epoch; its rates would be outdated.
        if self.erasure.running.with_untracked(Option::is_none) {
            self.evaluate_soon();
        }
    }

    fn request_failed(self, id: u32, model: &str, failure: &Failure) {
        // A request that was on its way to a model whose file cannot be used fails too; the first reason counts.
        if !(self.models.is_refused(model) && *failure == Failure::NotLoaded) {
            self.say(text::failure(failure));
        }
        if self.erasure.is_request(id) {
            return self.end_erasure();
        }
        if self.fires.is_request(id) {
            self.fires.stop();
        }
        if self.evaluation.is_request(id) {
            self.evaluate_soon();
        }
        self.models.forget(model);
        if matches!(failure, Failure::UnusableModel { .. }) {
            self.models.refuse(model);
            self.models.loading.set(None);
        }
        if self.models.is_own(model) {
            self.state.update(|s| s.models.retain(|id| id != model));
            self.models.entries.update(|entries| entries.retain(|entry| entry.id != model));
        }
    }
}
