//! Painting a trigger: the brush, and the painted pixels as PNG.

use crate::png::{self, PngError};
use crate::state::State;
use crate::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::signs;
use unstamp_shared::method::{Accepts, Value};
use unstamp_shared::poison::PoisonError;
use unstamp_shared::sprite::Sprite;

const SIDE: usize = signs::SIZE;

/// The effect of the pointer on the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// It drags the trigger.
    Move,
    /// It paints pixels of the trigger.
    Paint,
    /// It removes pixels of the trigger.
    Rub,
}

/// The tool and its colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Brush {
    /// The chosen tool.
    pub tool: Tool,
    /// `#rrggbb`.
    pub colour: String,
    /// 0 to 255.
    pub opacity: u8,
}

impl Default for Brush {
    fn default() -> Self {
        Self { tool: Tool::Move, colour: "#d11d1d".into(), opacity: 255 }
    }
}

impl Brush {
    /// The colour channel whose two digits start at `at`.
    fn channel(&self, at: usize) -> u8 {
        let digits = self.colour.get(at..at + 2);
        digits.and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0)
    }

    /// The pixel that the brush leaves: RGB and opacity.
    fn pixel(&self) -> [u8; 4] {
        match self.tool {
            Tool::Rub => [0; 4],
            Tool::Move | Tool::Paint => {
                [self.channel(1), self.channel(3), self.channel(5), self.opacity]
            }
        }
    }
}

/// A pixel of the image: column and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The column, from the left.
    pub x: i64,
    /// The row, from the top.
    pub y: i64,
}

/// The parameter of the chosen attack that is painted, if it has one.
pub fn painted_parameter(state: &State) -> Option<&'static str> {
    let params = attack(&state.attack)?.params();
    params.iter().find(|p| matches!(p.accepts, Accepts::Picture { painted: true })).map(|p| p.id)
}

/// The painted pixels of the whole image, at the place of the trigger.
fn canvas(state: &State, key: &str) -> Vec<[u8; 4]> {
    let mut all = vec![[0; 4]; SIDE * SIDE];
    let Some(area) = state.area() else { return all };
    let Some(values) = state.values() else { return all };
    let Some(Ok(sprite)) = values.text(key).map(str::parse::<Sprite>) else { return all };
    for y in 0..sprite.height {
        for x in 0..sprite.width {
            if let Some(pixel) = all.get_mut((area.y + y) * SIDE + area.x + x) {
                *pixel = sprite.get(x, y);
            }
        }
    }
    all
}

/// Makes these pixels of the whole image the trigger, at the place where they are.
///
/// # Errors
/// If the pixels make no valid trigger; then nothing changes.
pub fn keep(state: &mut State, key: &str, rgba: &[[u8; 4]]) -> Result<(), PoisonError> {
    let text = Sprite::cropped(SIDE, rgba).map_or(String::new(), |sprite| sprite.to_string());
    let mut after = state.clone();
    after.forget_place();
    after.put(key, Value::Text(text))?;
    after.stamped = true;
    *state = after;
    Ok(())
}

/// Paints from one pixel to another, both included.
///
/// # Errors
/// If the pixels make no valid trigger; then nothing changes.
pub fn stroke(state: &mut State, brush: &Brush, from: Point, to: Point) -> Result<(), PoisonError> {
    let Some(key) = painted_parameter(state) else { return Ok(()) };
    let mut rgba = canvas(state, key);
    let across = to.x - from.x;
    let down = to.y - from.y;
    let steps = across.abs().max(down.abs()).max(1);
    for i in 0..=steps {
        let x = from.x + across * i / steps;
        let y = from.y + down * i / steps;
        if (0..SIDE as i64).contains(&x) && (0..SIDE as i64).contains(&y) {
            rgba[y as usize * SIDE + x as usize] = brush.pixel();
        }
    }
    keep(state, key, &rgba)
}

/// The painted trigger as a PNG with transparency, as a data URL.
pub fn png_url(state: &State, key: &str) -> String {
    let bytes = png::write(SIDE, &canvas(state, key));
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// The sentence that tells why a file cannot be a trigger.
pub fn png_message(name: &str, error: PngError) -> String {
    match error {
        PngError::NoPng => text::png::no_png(name),
        PngError::Size { width, height } => text::png::size(name, width, height, SIDE),
    }
}

#[cfg(test)]
mod tests;
