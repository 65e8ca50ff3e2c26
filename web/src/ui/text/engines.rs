//! The engines: the line at the foot of the page, and messages about faults (`page.rs`, `app/replies.rs`).

use crate::app::engines::{Engines, MEASURED_IMAGES, StopReason, WebGpuState};
use crate::messages::{Failure, Hardware};

/// The message that a request failed.
pub fn failure(failure: &Failure) -> String {
    match failure {
        Failure::NotLoaded => "The model is not loaded.".to_string(),
        Failure::UnusableModel { file, reason } => format!("{file} is not usable: {reason}."),
        Failure::ImageSize => {
            "The image does not have the size of the test images. Reload the page.".to_string()
        }
        Failure::Device { reason } => format!("The device gave no result: {reason}."),
        Failure::Trigger { reason } => format!("The trigger is not valid: {reason}."),
        Failure::UnknownDefence { defence } => format!("There is no defence {defence}."),
        Failure::Settings { reason } => {
            format!("The settings of the defence are not valid: {reason}.")
        }
        Failure::Erasure { reason } => format!("The defence stopped: {reason}."),
        Failure::OnlyPredicts => {
            "This part of the page cannot erase backdoors. Reload the page.".to_string()
        }
        Failure::UnreadableRequest { reason } => {
            format!("The engine could not read a request of the page: {reason}.")
        }
    }
}

/// The reason why an engine stopped.
pub fn stopped(reason: &StopReason) -> String {
    match reason {
        StopReason::NoAdapter => "This browser offers no WebGPU adapter.".to_string(),
        StopReason::SoftwareAdapter => "This browser only emulates WebGPU in software.".to_string(),
        StopReason::NotStarted { detail } => format!("The engine could not start: {detail}."),
        StopReason::Crashed { detail } => format!("The engine stopped with an error: {detail}."),
        StopReason::NoWorker => "This browser does not allow background workers.".to_string(),
        StopReason::UnreadableReply { detail } => {
            format!("The page could not read a reply of the engine: {detail}.")
        }
    }
}

/// The message that the CPU engine stopped and was started again.
pub fn restarted(reason: &StopReason) -> String {
    format!("{} The engine was started again.", stopped(reason))
}

/// The detail of [`StopReason::NotStarted`] if the browser cannot load the worker.
pub const WORKER_FILE: &str = "worker.js could not be loaded";

/// The message that the CPU engine stays down.
pub fn stays_down(reason: &StopReason) -> String {
    format!("{} The site may be incomplete; reload the page to try again.", stopped(reason))
}

/// The message that the CPU engine failed its self-test.
pub fn wrong_results(difference: f32) -> String {
    format!(
        "This browser computes wrong results (off by {difference:.2} in the self-test): do not trust the numbers."
    )
}

fn hardware(hardware: &Hardware) -> String {
    match hardware {
        Hardware::Cpu { relaxed: false } => "runs on your CPU (WebAssembly SIMD)".to_string(),
        Hardware::Cpu { relaxed: true } => {
            "runs on your CPU (WebAssembly relaxed SIMD)".to_string()
        }
        Hardware::WebGpu { adapter, software } => {
            format!("runs on WebGPU ({})", adapter_name(adapter, *software))
        }
    }
}

fn adapter_name(adapter: &str, software: bool) -> String {
    let kind = if software { "software adapter" } else { "adapter" };
    let name = if adapter.is_empty() { "unnamed" } else { adapter };
    format!("{kind}: {name}")
}

/// The hardware that the page computes on, and the reason if it does not use WebGPU.
pub fn engine(engines: &Engines) -> String {
    let active = engines.active().map_or("engine is loading".to_string(), hardware);
    match webgpu(&engines.webgpu) {
        Some(note) => format!("{active}. {note}"),
        None => active,
    }
}

fn webgpu(state: &WebGpuState) -> Option<String> {
    Some(match state {
        WebGpuState::Unused | WebGpuState::Active { .. } => return None,
        WebGpuState::Testing { adapter, software } => {
            format!("WebGPU {}; the self-test runs", adapter_name(adapter, *software))
        }
        WebGpuState::Slower { cpu, webgpu } => {
            let images = MEASURED_IMAGES;
            format!("CPU is faster here: {images} images in {cpu:.0} ms, WebGPU {webgpu:.0} ms")
        }
        WebGpuState::WrongResults { difference } => format!(
            "The GPU gave wrong results in its self-test (off by {difference:.2}), so the page uses the CPU."
        ),
        WebGpuState::Stopped { reason } => format!("No WebGPU: {}", stopped(reason)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CPU engine that has started, and WebGPU in this state.
    fn with(webgpu: WebGpuState) -> Engines {
        Engines { cpu: Some(Hardware::Cpu { relaxed: false }), webgpu, ..Engines::default() }
    }

    #[test]
    fn the_foot_of_the_page_names_the_hardware_in_use() {
        assert_eq!(engine(&Engines::default()), "engine is loading");
        let cpu = "runs on your CPU (WebAssembly SIMD)";
        assert_eq!(engine(&with(WebGpuState::Unused)), cpu);
        let hardware = Hardware::WebGpu { adapter: "card".to_string(), software: false };
        assert_eq!(
            engine(&with(WebGpuState::Active { hardware })),
            "runs on WebGPU (adapter: card)"
        );
        let hardware = Hardware::WebGpu { adapter: String::new(), software: true };
        let unnamed = "runs on WebGPU (software adapter: unnamed)";
        assert_eq!(engine(&with(WebGpuState::Active { hardware })), unnamed);
    }

    #[test]
    fn the_foot_of_the_page_tells_why_webgpu_is_not_used() {
        let testing = WebGpuState::Testing { adapter: "card".to_string(), software: false };
        let stopped = WebGpuState::Stopped { reason: StopReason::NoAdapter };
        for (state, note) in [
            (testing, "WebGPU adapter: card; the self-test runs"),
            (
                WebGpuState::Slower { cpu: 20.4, webgpu: 31.6 },
                "CPU is faster here: 32 images in 20 ms, WebGPU 32 ms",
            ),
            (
                WebGpuState::WrongResults { difference: 0.257 },
                "The GPU gave wrong results in its self-test (off by 0.26), so the page uses the CPU.",
            ),
            (stopped, "No WebGPU: This browser offers no WebGPU adapter."),
        ] {
            let expected = format!("runs on your CPU (WebAssembly SIMD). {note}");
            assert_eq!(engine(&with(state)), expected);
        }
    }

    /// Reasons come without a full stop; the sentence adds it.
    #[test]
    fn messages_end_with_one_full_stop() {
        let reason = || "a reason".to_string();
        let failures = [
            Failure::NotLoaded,
            Failure::UnusableModel { file: "a.safetensors".to_string(), reason: reason() },
            Failure::ImageSize,
            Failure::Device { reason: reason() },
            Failure::Trigger { reason: reason() },
            Failure::UnknownDefence { defence: "nad".to_string() },
            Failure::Settings { reason: reason() },
            Failure::Erasure { reason: reason() },
            Failure::OnlyPredicts,
            Failure::UnreadableRequest { reason: reason() },
        ];
        let reasons = [
            StopReason::NoAdapter,
            StopReason::SoftwareAdapter,
            StopReason::NotStarted { detail: reason() },
            StopReason::Crashed { detail: reason() },
            StopReason::NoWorker,
            StopReason::UnreadableReply { detail: reason() },
        ];
        let messages = failures.iter().map(failure).chain(reasons.iter().map(restarted));
        let messages = messages.chain(reasons.iter().map(stays_down));
        for message in messages {
            assert!(message.ends_with('.') && !message.ends_with(".."), "{message}");
        }
    }
}
