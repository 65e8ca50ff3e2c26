//! The WebGPU engine on its way into use: started after the first prediction, tested, measured,
//! and used where it is faster than the CPU.

use super::App;
use super::engines::{EngineKind, Engines, MEASURED_IMAGES, Speed, StopReason, WebGpuState};
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
        self.engines.update(|engines| note_time(engines, engine, milliseconds));
        match self.engines.with_untracked(|engines| engines.speed) {
            Speed { cpu: Some(cpu), webgpu: Some(webgpu) } if webgpu < cpu => self.use_webgpu(),
            _ => {}
        }
    }

    /// The WebGPU engine stopped or did not start.
    pub(super) fn webgpu_stopped(self, reason: StopReason) {
        self.leave_webgpu(WebGpuState::Stopped { reason });
    }

    fn leave_webgpu(self, state: WebGpuState) {
        self.fires.stop();
        self.models.forget_engine(EngineKind::WebGpu);
        self.engines.update(|e| e.webgpu = state);
        self.refresh();
    }

    fn use_webgpu(self) {
        self.fires.stop();
        self.engines.update(activate);
        self.refresh();
    }
}

/// Keeps a measured time. If the CPU is not slower than the WebGPU engine that is tested, the page stays with
/// the CPU.
fn note_time(engines: &mut Engines, engine: EngineKind, milliseconds: f64) {
    match engine {
        EngineKind::WebGpu => engines.speed.webgpu = Some(milliseconds),
        EngineKind::Cpu | EngineKind::Learn => engines.speed.cpu = Some(milliseconds),
    }
    let Speed { cpu: Some(cpu), webgpu: Some(webgpu) } = engines.speed else { return };
    if webgpu >= cpu && matches!(engines.webgpu, WebGpuState::Testing { .. }) {
        engines.webgpu = WebGpuState::Slower { cpu, webgpu };
    }
}

/// Puts the WebGPU engine that is tested into use.
fn activate(engines: &mut Engines) {
    if let WebGpuState::Testing { adapter, software } = &engines.webgpu {
        let hardware = Hardware::WebGpu { adapter: adapter.clone(), software: *software };
        engines.webgpu = WebGpuState::Active { hardware };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Hardware = Hardware::Cpu { relaxed: false };

    /// Engines of which the one on WebGPU is being tested.
    fn tested() -> Engines {
        let webgpu = WebGpuState::Testing { adapter: "card".to_string(), software: false };
        Engines { cpu: Some(CPU), webgpu, ..Engines::default() }
    }

    #[test]
    fn a_cpu_that_is_not_slower_stays_in_use() {
        for webgpu in [20.0, 30.0] {
            let times = [(EngineKind::Cpu, 20.0), (EngineKind::WebGpu, webgpu)];
            for [first, second] in [times, [times[1], times[0]]] {
                let mut engines = tested();
                note_time(&mut engines, first.0, first.1);
                assert_eq!(engines.webgpu, tested().webgpu, "one time decides nothing");
                note_time(&mut engines, second.0, second.1);
                assert_eq!(engines.webgpu, WebGpuState::Slower { cpu: 20.0, webgpu });
                assert_eq!(engines.kind(), EngineKind::Cpu);
                assert_eq!(engines.active(), Some(&CPU));
            }
        }
    }

    #[test]
    fn a_faster_webgpu_engine_is_put_into_use() {
        let mut engines = tested();
        note_time(&mut engines, EngineKind::Cpu, 20.0);
        note_time(&mut engines, EngineKind::WebGpu, 19.0);
        assert_eq!(engines.webgpu, tested().webgpu, "it is not given up");
        activate(&mut engines);
        assert_eq!(engines.kind(), EngineKind::WebGpu);
        let card = Hardware::WebGpu { adapter: "card".to_string(), software: false };
        assert_eq!(engines.active(), Some(&card));
    }

    #[test]
    fn an_engine_that_stopped_is_not_put_into_use() {
        let stopped = WebGpuState::Stopped { reason: StopReason::NoAdapter };
        let mut engines = Engines { webgpu: stopped.clone(), ..tested() };
        note_time(&mut engines, EngineKind::Cpu, 20.0);
        note_time(&mut engines, EngineKind::WebGpu, 30.0);
        activate(&mut engines);
        assert_eq!(engines.webgpu, stopped);
        assert_eq!(engines.kind(), EngineKind::Cpu);
    }
}
