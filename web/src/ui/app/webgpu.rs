//! The WebGPU engine on its way into use: started after the first prediction, tested, measured,
//! and used where it is faster than the CPU.

use super::App;
use super::engines::{EngineKind, MEASURED_IMAGES, StopReason, WebGpuState};
use super::options::Options;
use crate::messages::{Hardware, Request};
use leptos::prelude::*;
use unstamp_shared::self_test::IMAGES;

/// Self-test images for an adapter that runs on the processor; more of them would take too long.
const IMAGES_IN_SOFTWARE: usize = 2;

impl App {
    /// After the first prediction, and only then: the CPU engine tests itself, and the WebGPU
    /// engine starts, unless the visitor asks for the CPU.
    pub(super) fn test_engines(self) {
        let before = self.engines_tested.try_update_value(|done| std::mem::replace(done, true));
        let Some(link) = self.link().filter(|_| before == Some(false)) else { return };
        if let Some(model) = self.self_test_model() {
            let request = Request::SelfTest { id: link.id(), model, images: IMAGES };
            link.send(EngineKind::Cpu, &request, None);
        }
        let wish = Options::read().engine;
        if wish != Some(EngineKind::Cpu) {
            link.start(EngineKind::WebGpu, wish == Some(EngineKind::WebGpu));
        }
    }

    /// The WebGPU engine has started; loads a model for its self-test.
    pub(super) fn test_webgpu(self, hardware: Hardware) {
        let Hardware::WebGpu { adapter, software } = hardware else { return };
        self.engines.update(|e| e.webgpu = WebGpuState::Testing { adapter, software });
        if let Some(model) = self.self_test_model() {
            self.load_into(EngineKind::WebGpu, &model, Options::read().corrupt);
        }
    }

    /// The WebGPU engine has the model for its self-test.
    pub(super) fn self_test_webgpu(self, model: String) {
        let Some(link) = self.link() else { return };
        let software = self
            .engines
            .with_untracked(|e| matches!(e.webgpu, WebGpuState::Testing { software: true, .. }));
        let images = if software { IMAGES_IN_SOFTWARE } else { IMAGES };
        let request = Request::SelfTest { id: link.id(), model, images };
        link.send(EngineKind::WebGpu, &request, None);
    }

    /// The WebGPU engine has finished its self-test.
    pub(super) fn webgpu_tested(self, model: String, difference: f32, passed: bool) {
        if !passed {
            self.leave_webgpu(WebGpuState::WrongResults { difference });
        } else if Options::read().engine == Some(EngineKind::WebGpu) {
            self.use_webgpu();
        } else if let Some(link) = self.link() {
            for engine in [EngineKind::Cpu, EngineKind::WebGpu] {
                let request = Request::Measure {
                    id: link.id(),
                    model: model.clone(),
                    images: MEASURED_IMAGES,
                };
                link.send(engine, &request, None);
            }
        }
    }

    /// An engine has been measured; after both, the faster one is used.
    pub(super) fn engine_measured(self, engine: EngineKind, milliseconds: f64) {
        self.engines.update(|e| match engine {
            EngineKind::WebGpu => e.speed.webgpu = Some(milliseconds),
            _ => e.speed.cpu = Some(milliseconds),
        });
        let speed = self.engines.with_untracked(|e| e.speed);
        let (Some(cpu), Some(webgpu)) = (speed.cpu, speed.webgpu) else { return };
        if webgpu < cpu {
            self.use_webgpu();
        } else {
            self.engines.update(|e| {
                if matches!(e.webgpu, WebGpuState::Testing { .. }) {
                    e.webgpu = WebGpuState::Slower { cpu, webgpu };
                }
            });
        }
    }

    /// The WebGPU engine stopped or did not start.
    pub(super) fn webgpu_stopped(self, reason: StopReason) {
        self.leave_webgpu(WebGpuState::Stopped { reason });
    }

    fn leave_webgpu(self, state: WebGpuState) {
        self.models.forget_engine(EngineKind::WebGpu);
        self.engines.update(|e| e.webgpu = state);
        self.refresh();
    }

    fn use_webgpu(self) {
        self.engines.update(|e| {
            if let WebGpuState::Testing { adapter, software } = &e.webgpu {
                let hardware = Hardware::WebGpu { adapter: adapter.clone(), software: *software };
                e.webgpu = WebGpuState::Active { hardware };
            }
        });
        self.refresh();
    }
}
