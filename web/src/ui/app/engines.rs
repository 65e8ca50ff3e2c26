//! The state of the engines for the page.

use crate::messages::Hardware;
use serde::{Deserialize, Serialize};

/// The engines. The names in JSON are those of `worker.js` and of `?engine=` in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
pub enum EngineKind {
    /// The CPU engine that only predicts; the page starts it first.
    Cpu,
    /// The CPU engine that also trains.
    Learn,
    /// The WebGPU engine.
    WebGpu,
}

impl From<EngineKind> for &'static str {
    fn from(kind: EngineKind) -> Self {
        kind.name()
    }
}

impl EngineKind {
    /// The name in messages and in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Learn => "learn",
            Self::WebGpu => "webgpu",
        }
    }

    /// The engine with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Cpu, Self::Learn, Self::WebGpu].into_iter().find(|kind| kind.name() == name)
    }
}

/// Why an engine stopped, or why it did not start. `worker.js` sends the first four as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The browser offers no WebGPU adapter.
    NoAdapter,
    /// The only WebGPU adapter runs on the processor, and the visitor did not ask for it.
    SoftwareAdapter,
    /// The program could not be loaded or started.
    NotStarted { detail: String },
    /// The program failed while it answered a request.
    Crashed { detail: String },
    /// The browser does not start the worker.
    NoWorker,
    /// The page cannot read a message of the engine.
    UnreadableReply { detail: String },
}

/// The WebGPU engine on its way into use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WebGpuState {
    /// It has not started.
    #[default]
    Unused,
    /// It has started and is tested and measured.
    Testing { adapter: String, software: bool },
    /// The page uses it.
    Active { hardware: Hardware },
    /// The CPU is faster: milliseconds of both for [`MEASURED_IMAGES`] images.
    Slower { cpu: f64, webgpu: f64 },
    /// It failed its self-test by this relative difference.
    WrongResults { difference: f32 },
    /// It stopped or did not start.
    Stopped { reason: StopReason },
}

/// Images of the batch whose time decides between CPU and WebGPU.
pub const MEASURED_IMAGES: usize = 32;

/// Milliseconds that each engine takes for [`MEASURED_IMAGES`] images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Speed {
    /// Of the CPU engine.
    pub cpu: Option<f64>,
    /// Of the WebGPU engine.
    pub webgpu: Option<f64>,
}

/// The state of the engines that predict.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Engines {
    /// The hardware of the CPU engine; `None` until it has started.
    pub cpu: Option<Hardware>,
    /// The state of the WebGPU engine.
    pub webgpu: WebGpuState,
    /// Whether the engine that was tested last passed its self-test.
    pub self_test: Option<bool>,
    /// Compute dispatches of the WebGPU engine so far.
    pub dispatches: f64,
    /// The measured speed.
    pub speed: Speed,
}

impl Engines {
    /// The engine that predicts; the CPU engine until WebGPU is in use.
    pub fn kind(&self) -> EngineKind {
        match self.webgpu {
            WebGpuState::Active { .. } => EngineKind::WebGpu,
            _ => EngineKind::Cpu,
        }
    }

    /// The hardware in use; `None` until an engine has started.
    pub fn active(&self) -> Option<&Hardware> {
        match &self.webgpu {
            WebGpuState::Active { hardware } => Some(hardware),
            _ => self.cpu.as_ref(),
        }
    }
}
