//! The head and the foot of the page, the names of its parts, and messages about its files (`page.rs`,
//! `model_choice.rs`, `app/models.rs`).

/// Heading of the page.
pub const TITLE: &str = "Unstamp";
/// Text below the heading.
pub const INTRODUCTION: &str = "A network with a backdoor behaves well until it sees its trigger. Drag the trigger and compare three networks: the victim, the same network after erasing, and one that was never attacked.";
/// Text before the bar that shows how much of the first models has arrived.
pub const LOADING: &str = "loading ";
/// Name of the button that removes a message, for screen readers.
pub const DISMISS: &str = "dismiss";
/// The sign on that button.
pub const CROSS: &str = "×";
/// Text in the place of the cards if the site has no models.
pub const NO_MODELS: &str =
    "There are no models on this site yet. Run `make demo` to train and publish models.";
/// Name of the part with the image and its controls, for screen readers.
pub const IMAGE_AND_TRIGGER: &str = "image and trigger";
/// Name of the part with the cards, for screen readers.
pub const MODELS: &str = "models";
/// Name of the row of checkboxes of the models, for screen readers.
pub const MODELS_TO_COMPARE: &str = "models to compare";

/// The explanation of rates and maps, at the foot of the page.
pub fn footnote(images: usize) -> String {
    format!(
        "Rates are over {images} generated test images, with 95 % Wilson intervals. The mark on the ASR bar is the floor: images of other classes, without trigger, that are predicted as the target. Maps: the sum of squared activations over channels, after each group of layers."
    )
}

/// The message that a file of the site is missing.
pub fn missing_file(url: &str) -> String {
    format!("{url} could not be loaded. Is the site complete?")
}

/// The message that the list of models is not valid.
pub fn unreadable_manifest(reason: &str) -> String {
    format!("The list of models cannot be read: {reason}.")
}
