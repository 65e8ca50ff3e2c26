//! The head and the foot of the page, the names of its parts, and messages about its files (`page.rs`,
//! `model_choice.rs`, `theme.rs`, `app/models.rs`).

use crate::theme::Theme;

/// Heading of the page.
pub const TITLE: &str = "Unstamp";
/// Text below the heading.
pub const INTRODUCTION: &str = "A network with a backdoor behaves well until it sees its trigger. Below, the small square is on a traffic sign. Three networks name the sign: the victim, the same network after its backdoor was erased, and one that was never attacked. Take the square off, or draw your own.";
/// The papers, with their addresses.
pub const PAPERS: [(&str, &str); 2] = [
    ("NAD paper", "https://arxiv.org/abs/2101.05930"),
    ("NBA paper", "https://doi.org/10.1186/s42400-023-00154-z"),
];
/// Text before the attacker's class, beside its colour.
pub const LEGEND: &str = "the attacker's class: ";
/// Text before the bar that shows how much of the first models has arrived.
pub const LOADING: &str = "loading ";
/// Name of the button that removes a message, for screen readers.
pub const DISMISS: &str = "dismiss";
/// The sign on that button.
pub const CROSS: &str = "×";
/// Text in the place of the rows if the site has no models.
pub const NO_MODELS: &str =
    "There are no models on this site yet. Run `make demo` to train and publish models.";
/// Name of the part with the image and its controls, for screen readers.
pub const IMAGE_AND_TRIGGER: &str = "image and trigger";
/// Name of the part with the rows, for screen readers.
pub const MODELS: &str = "models";
/// Name of the row of checkboxes of the models, for screen readers.
pub const MODELS_TO_COMPARE: &str = "models to compare";

/// The explanation of rates and maps, at the foot of the page.
pub fn footnote(images: usize) -> String {
    format!(
        "All rates are over {images} generated test images. Everything is computed in this browser; no picture leaves it."
    )
}

/// The message that a file of the site is missing.
pub fn missing_file(url: &str) -> String {
    format!("{url} could not be loaded. Is the site complete?")
}

/// The message that a model does not have the hash in the list of models.
pub fn other_file(file: &str) -> String {
    format!(
        "{file} is not usable: it is not the file that the list of models describes. Reload the page; if that does \
         not help, the models must be published again."
    )
}

/// The message that the list of models is not valid.
pub fn unreadable_manifest(reason: &str) -> String {
    format!("The list of models cannot be read: {reason}.")
}

/// The name of the button that changes the theme.
pub fn theme(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "theme: system",
        Theme::Light => "theme: light",
        Theme::Dark => "theme: dark",
    }
}
