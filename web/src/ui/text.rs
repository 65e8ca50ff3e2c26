//! Every text that a visitor reads, with three exceptions. Titles, summaries and the help of parameters
//! come from the lists of attacks, defences and models. Names of phases and of parts of a loss come
//! from the defences. `index.html` and `boot.js` show two sentences before this program runs.
//!
//! A constant whose name ends in `_HELP` appears while the pointer is over the element. The comment
//! above a group of constants names the part of the page that shows them, and its file.

use crate::app::engines::{Engines, MEASURED_IMAGES, StopReason, WebGpuState};
use crate::messages::{ErasureProgress, Failure, Hardware};
use unstamp_shared::metrics::Rate;

// The head of the page (`page.rs`).
pub(crate) const TITLE: &str = "Unstamp";
pub(crate) const INTRODUCTION: &str = "A network with a backdoor behaves well until it sees its trigger. Drag the trigger and compare three networks: the victim, the same network after erasing, and one that was never attacked.";

// The progress of loading the first models, the button that removes a message (for screen readers),
// and the sentence in the place of the cards if there are no models (`page.rs`).
pub(crate) const LOADING: &str = "loading ";
pub(crate) const DISMISS: &str = "dismiss";
pub(crate) const CROSS: &str = "×";
pub(crate) const NO_MODELS: &str =
    "There are no models on this site yet. Run `make demo` to train and publish models.";

// Names of parts of the page, for screen readers (`page.rs`, `model_choice.rs`).
pub(crate) const IMAGE_AND_TRIGGER: &str = "image and trigger";
pub(crate) const MODELS: &str = "models";
pub(crate) const MODELS_TO_COMPARE: &str = "models to compare";

// The buttons below the image (`controls.rs`). PREVIOUS_IMAGE and NEXT_IMAGE are for screen readers.
// OWN_PICTURE is the caption of a picture that the visitor opened.
pub(crate) const PREVIOUS_IMAGE: &str = "previous image";
pub(crate) const PREVIOUS: &str = "‹ previous";
pub(crate) const NEXT_IMAGE: &str = "next image";
pub(crate) const NEXT: &str = "next ›";
pub(crate) const OWN_FILE: &str = "your picture or model";
pub(crate) const OWN_PICTURE: &str = "your picture";
pub(crate) const COPY_LINK: &str = "copy link";
pub(crate) const COPY_LINK_HELP: &str =
    "a link to this page with the same image, trigger and models";

// Messages after a click on these buttons (`controls.rs`, `files.rs`).
pub(crate) const LINK_COPIED: &str = "The link is copied. It holds image, trigger and models.";
pub(crate) const LINK_NOT_COPIED: &str =
    "The browser does not let this page copy. Copy the address of the page instead.";
pub(crate) const NO_PICTURE: &str = "This file is not a picture that the browser can read.";
pub(crate) const NO_MODEL_FILE: &str = "The model file could not be read.";

// The fields of the trigger (`controls.rs`).
pub(crate) const TRIGGER: &str = "Trigger";
pub(crate) const ATTACK: &str = "attack";
pub(crate) const STAMPED: &str = "stamp it on this image";
pub(crate) const TARGET: &str = "target";
pub(crate) const TARGET_HELP: &str = "the class that the attacker wants";

// The tools that paint a trigger (`palette.rs`). BRUSH names their group for screen readers.
pub(crate) const BRUSH: &str = "brush";
pub(crate) const MOVE: &str = "move";
pub(crate) const MOVE_HELP: &str = "drag the trigger";
pub(crate) const PAINT: &str = "paint";
pub(crate) const PAINT_HELP: &str = "paint on the image";
pub(crate) const RUB_OUT: &str = "rub out";
pub(crate) const RUB_OUT_HELP: &str = "remove pixels";
pub(crate) const CLEAR: &str = "clear";
pub(crate) const COLOUR: &str = "colour";
pub(crate) const OPACITY: &str = "opacity";
pub(crate) const OPACITY_HELP: &str = "opacity of the brush; 255 hides the image below";

// The buttons for a picture that is a parameter (`palette.rs`). SAVED_FILE is the name of the file.
// OPEN_PNG is for a painted trigger, TAKE_PNG and DEFAULT are for other pictures.
pub(crate) const SAVE_PNG: &str = "save as PNG";
pub(crate) const SAVED_FILE: &str = "trigger.png";
pub(crate) const OPEN_PNG: &str = "load PNG";
pub(crate) const TAKE_PNG: &str = "use a PNG";
pub(crate) const DEFAULT: &str = "reset";

// The card of a model (`card.rs`) before the first prediction and the first rates.
pub(crate) const LOADING_MODEL: &str = "loading the model";
pub(crate) const MEASURING: &str = "measuring ACC and ASR";

// The bars of the rates on a card (`rates.rs`). FLOOR_HELP belongs to the mark on the bar of ASR.
pub(crate) const ACC: &str = "ACC";
pub(crate) const ASR: &str = "ASR";
pub(crate) const RA: &str = "RA";
pub(crate) const ACC_HELP: &str = "clean accuracy over the test images";
pub(crate) const ASR_HELP: &str =
    "triggered images of other classes that are predicted as the target";
pub(crate) const RA_HELP: &str =
    "triggered images of other classes that are predicted as their true class";
pub(crate) const FLOOR_HELP: &str =
    "floor: images of other classes, without trigger, that are predicted as the target";

// The button on the card of a victim whose trigger is not on the image (`card.rs`).
pub(crate) const USE_TRIGGER: &str = "use its trigger";
pub(crate) const USE_TRIGGER_HELP: &str = "the trigger that this model was poisoned with";

// Erasing on the card of a victim (`erase_panel.rs`). DEFENCE and ERASING are for screen readers.
// ERASED_MODEL is the title of the new model (`app/erasure.rs`).
pub(crate) const DEFENCE: &str = "defence";
pub(crate) const ERASE: &str = "erase it here";
pub(crate) const ERASING: &str = "erasing";
pub(crate) const STOP: &str = "stop";
pub(crate) const ERASED_MODEL: &str = "erased here";

/// A share in 0..1 as percent.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// The interval and number of images of a rate, and the floor if it has one.
pub fn rate_details(rate: Rate, floor: Option<Rate>) -> String {
    let [low, high] = rate.ci95;
    let floor = floor.map_or(String::new(), |floor| format!(", floor {}", percent(floor.value)));
    format!("{}–{}, n = {}{floor}", percent(low), percent(high), rate.n)
}

/// The caption of an attention map.
pub fn map_caption(index: usize) -> String {
    format!("layer group {}", index + 1)
}

/// The description of an attention map for screen readers.
pub fn map_label(index: usize) -> String {
    format!("attention of layer group {}", index + 1)
}

/// The caption of a test image.
pub fn test_image(index: usize, class: &str) -> String {
    format!("test image {index}: {class}")
}

/// The description of the image with its trigger, at this column and row if it has a place.
pub fn image_label(place: Option<(usize, usize)>) -> String {
    let place = place.map_or(String::new(), |(x, y)| format!(" at column {x}, row {y}"));
    format!(
        "Image with trigger{place}. Arrow keys move it, with Shift by 4; Home returns it to the corner; Space takes it off."
    )
}

/// The explanation of rates and maps.
pub fn footnote(images: usize) -> String {
    format!(
        "Rates are over {images} generated test images, with 95 % Wilson intervals. The mark on the ASR bar is the floor: images of other classes, without trigger, that are predicted as the target. Maps: the sum of squared activations over channels, after each group of layers."
    )
}

/// The help of the button that erases (`erase_panel.rs`).
pub fn erase_help(clean_images: usize) -> String {
    format!("uses {clean_images} clean images and your processor; takes about a minute")
}

/// The progress of an erasure.
pub fn erasure(progress: &ErasureProgress) -> String {
    match progress.total {
        0 => "loading the training program".to_string(),
        _ => format!("{} epoch {}, loss {:.3}", progress.phase, progress.epoch + 1, progress.loss),
    }
}

/// The terms of the loss over the last epoch.
pub fn losses(progress: &ErasureProgress) -> String {
    let losses = progress.losses.iter();
    let losses = losses.map(|(name, value)| format!("{} {value:.3}", name.replace('_', " ")));
    losses.collect::<Vec<_>>().join(", ")
}

/// A file of the site is missing.
pub fn missing_file(url: &str) -> String {
    format!("{url} could not be loaded. Is the site complete?")
}

/// The manifest is not valid.
pub fn unreadable_manifest(reason: &str) -> String {
    format!("The list of models cannot be read: {reason}.")
}

/// Why a PNG cannot be the trigger.
pub mod png {
    /// It is no PNG.
    pub fn no_png(name: &str) -> String {
        format!("{name} is not a PNG.")
    }

    /// It has another size than the image.
    pub fn size(name: &str, width: u32, height: u32, side: usize) -> String {
        format!("{name} has {width}x{height} pixels; a trigger here has {side}x{side}.")
    }

    /// It has not 8 bits a channel.
    pub fn depth(name: &str) -> String {
        format!("{name} must have 8 bits a channel.")
    }

    /// It is grey or has a palette.
    pub fn colours(name: &str) -> String {
        format!("{name} must be saved as RGB or RGBA.")
    }

    /// The painted pixels make no valid trigger.
    pub fn no_trigger(reason: &str) -> String {
        format!("This is not a valid trigger: {reason}.")
    }
}

/// Why a request failed.
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

/// Why an engine stopped.
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

/// The CPU engine stopped and was started again.
pub fn restarted(reason: &StopReason) -> String {
    format!("{} The engine was started again.", stopped(reason))
}

/// The CPU engine failed its self-test.
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
