//! Messages that tell why a PNG cannot be the trigger (`brush.rs`). `name` is the name of the file.

/// It is no PNG.
pub fn no_png(name: &str) -> String {
    format!("{name} is not a PNG.")
}

/// It has another size than the image.
pub fn size(name: &str, width: u32, height: u32, side: usize) -> String {
    format!("{name} has {width}x{height} pixels; a trigger here has {side}x{side}.")
}

/// The painted pixels make no valid trigger.
pub fn no_trigger(reason: &str) -> String {
    format!("This is not a valid trigger: {reason}.")
}
