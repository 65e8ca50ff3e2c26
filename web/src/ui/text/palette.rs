//! The controls of a trigger that is painted or a picture (`palette.rs`).

/// Name of the group of tools for screen readers.
pub const BRUSH: &str = "brush";
/// Tool that drags the trigger.
pub const MOVE: &str = "move";
/// Help of [`MOVE`].
pub const MOVE_HELP: &str = "drag the trigger";
/// Tool that paints.
pub const PAINT: &str = "paint";
/// Help of [`PAINT`].
pub const PAINT_HELP: &str = "paint on the image";
/// Tool that removes pixels.
pub const RUB_OUT: &str = "rub out";
/// Help of [`RUB_OUT`].
pub const RUB_OUT_HELP: &str = "remove pixels";
/// Button that removes all painted pixels.
pub const CLEAR: &str = "clear";
/// Label of the colour of the brush.
pub const COLOUR: &str = "colour";
/// Label of the opacity of the brush.
pub const OPACITY: &str = "opacity";
/// Help of [`OPACITY`].
pub const OPACITY_HELP: &str = "opacity of the brush; 255 hides the image below";

/// Button that saves a painted trigger.
pub const SAVE_PNG: &str = "save as PNG";
/// Name of the file that [`SAVE_PNG`] writes.
pub const SAVED_FILE: &str = "trigger.png";
/// Button that opens a painted trigger.
pub const OPEN_PNG: &str = "load PNG";
/// Button that opens another picture, such as the one that an attack blends.
pub const TAKE_PNG: &str = "use a PNG";
/// Button that puts the picture of the attack back.
pub const DEFAULT: &str = "reset";
