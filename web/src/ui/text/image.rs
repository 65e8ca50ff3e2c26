//! The image, the buttons below it, and the fields of the trigger (`stage.rs`, `controls.rs`, `files.rs`).

/// Name of the button [`PREVIOUS`] for screen readers.
pub const PREVIOUS_IMAGE: &str = "previous image";
/// Button that shows the test image before this one.
pub const PREVIOUS: &str = "‹ previous";
/// Name of the button [`NEXT`] for screen readers.
pub const NEXT_IMAGE: &str = "next image";
/// Button that shows the test image after this one.
pub const NEXT: &str = "next ›";
/// Button that opens a file of the visitor.
pub const OWN_FILE: &str = "your picture or model";
/// Caption of a picture that the visitor opened.
pub const OWN_PICTURE: &str = "your picture";
/// Button that copies the address of the page.
pub const COPY_LINK: &str = "copy link";
/// Message if a file of the visitor is no picture.
pub const NO_PICTURE: &str = "This file is not a picture that the browser can read.";
/// Message if a model file of the visitor cannot be read.
pub const NO_MODEL_FILE: &str = "The model file could not be read.";

/// Heading of the fields of the trigger.
pub const TRIGGER: &str = "Trigger";
/// Label of the menu of attacks.
pub const ATTACK: &str = "attack";
/// Label of the checkbox that puts the trigger on the image.
pub const STAMPED: &str = "stamp it on this image";
/// Label of the menu of target classes.
pub const TARGET: &str = "target";
/// Message after the choice of an attack that no published model was trained with.
pub const NO_VICTIM: &str = "No network on this page was trained with this attack.";

/// The message after a click on [`COPY_LINK`].
pub fn link_copied(has_own: bool) -> String {
    let left_out = if has_own { " Your own picture and models are not in it." } else { "" };
    format!("The link is copied. It holds image, trigger and models.{left_out}")
}

/// The message after a click on [`COPY_LINK`] if the browser refuses.
pub fn link_by_hand(link: &str) -> String {
    format!("The browser does not let this page copy. Here is the link: {link}")
}

/// The message about a checkpoint of another program.
pub fn foreign_model(name: &str) -> String {
    format!(
        "{name} is a checkpoint that a browser cannot read. Convert it: unstamp import {name} --out model.safetensors"
    )
}

/// The message that parts of a link were not used.
pub fn refused_values(refused: &[String]) -> String {
    format!(
        "This link asks for something that is not allowed; the default takes its place: {}.",
        refused.join(", ")
    )
}

/// The caption of a test image.
pub fn test_image(index: usize, class: &str) -> String {
    format!("test image {index}: {class}")
}

/// The description of the image with its trigger, at this column and row if it has a place.
pub fn image_label(place: Option<(usize, usize)>) -> String {
    let place = place.map_or(String::new(), |(x, y)| format!(" at column {x}, row {y}"));
    format!(
        "Image with trigger{place}. Arrow keys move it, with Shift by 4; Home puts it back; Space takes it off."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_tells_screen_readers_the_place_of_its_trigger() {
        assert!(image_label(Some((3, 20))).starts_with("Image with trigger at column 3, row 20. "));
        assert!(image_label(None).starts_with("Image with trigger. "));
    }
}
