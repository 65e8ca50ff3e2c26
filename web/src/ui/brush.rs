//! Painting a trigger: brush, colours, and the PNG it is kept in.

use crate::app::App;
use crate::fetch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::io::Cursor;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::signs;
use unstamp_shared::method::{Accepts, Value};
use unstamp_shared::sprite::Sprite;
use web_sys::File;

const SIDE: usize = signs::SIZE;

/// What the pointer does on the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Move,
    Paint,
    Rub,
}

/// The brush in hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Brush {
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
    fn pixel(&self) -> [u8; 4] {
        let part = |at: usize| {
            self.colour
                .get(at..at + 2)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                .unwrap_or(0)
        };
        match self.tool {
            Tool::Rub => [0; 4],
            _ => [part(1), part(3), part(5), self.opacity],
        }
    }
}

/// The parameter of the chosen attack that is painted, if it has one.
fn painted(app: App) -> Option<&'static str> {
    let params = attack(&app.state.with(|s| s.attack.clone()))?.params();
    params.iter().find(|p| matches!(p.accepts, Accepts::Picture { painted: true })).map(|p| p.id)
}

/// Whether a stroke paints instead of moving the trigger.
pub fn paints(app: App) -> bool {
    untrack(|| app.brush.with(|b| b.tool != Tool::Move) && painted(app).is_some())
}

/// The painted pixels of the whole image, where the trigger lies now.
fn canvas(app: App, key: &str) -> Vec<[u8; 4]> {
    let mut all = vec![[0; 4]; SIDE * SIDE];
    let found = app.state.with_untracked(|s| {
        let sprite: Sprite = s.values()?.text(key).parse().ok()?;
        Some((s.area()?, sprite))
    });
    if let Some((area, sprite)) = found {
        for (y, x) in (0..sprite.height).flat_map(|y| (0..sprite.width).map(move |x| (y, x))) {
            if let Some(pixel) = all.get_mut((area.y + y) * SIDE + area.x + x) {
                *pixel = sprite.get(x, y);
            }
        }
    }
    all
}

/// Makes these pixels the trigger, lying where they were painted.
fn keep(app: App, key: &str, rgba: &[[u8; 4]]) -> Result<(), String> {
    let text = Sprite::cropped(SIDE, rgba).map_or(String::new(), |sprite| sprite.to_string());
    let mut after = app.state.get_untracked();
    after.set.0.remove("x");
    after.set.0.remove("y");
    after.put(key, Value::Text(text))?;
    after.stamped = true;
    app.state.set(after);
    Ok(())
}

/// A stroke from one pixel to another, both included.
pub fn stroke(app: App, from: (i64, i64), to: (i64, i64)) {
    let Some(key) = untrack(|| painted(app)) else { return };
    let pixel = app.brush.with_untracked(Brush::pixel);
    let mut rgba = canvas(app, key);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = dx.abs().max(dy.abs()).max(1);
    for i in 0..=steps {
        let (x, y) = (from.0 + dx * i / steps, from.1 + dy * i / steps);
        if (0..SIDE as i64).contains(&x) && (0..SIDE as i64).contains(&y) {
            rgba[y as usize * SIDE + x as usize] = pixel;
        }
    }
    // Pixels inside the image always make a trigger, but for one that hides all of it.
    if let Err(message) = keep(app, key, &rgba) {
        app.message.set(message);
    }
}

/// The painted trigger as a PNG with transparency, as a data URL.
fn png(app: App, key: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(canvas(app, key).as_flattened()).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

/// Reads a PNG of the image's size.
fn read(name: &str, bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let wrong = |_| format!("{name} is no PNG.");
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(wrong)?;
    let info = reader.info();
    if (info.width, info.height) != (SIDE as u32, SIDE as u32) {
        let (w, h) = (info.width, info.height);
        return Err(format!("{name} has {w}x{h} pixels; a trigger here has {SIDE}x{SIDE}."));
    }
    let mut buffer = vec![0; 4 * SIDE * SIDE];
    let colour = info.color_type;
    if info.bit_depth != png::BitDepth::Eight {
        return Err(format!("{name} must have 8 bits a channel."));
    }
    reader.next_frame(&mut buffer).map_err(wrong)?;
    match colour {
        png::ColorType::Rgba => Ok(buffer.as_chunks().0.to_vec()),
        png::ColorType::Rgb => {
            let opaque = buffer.as_chunks().0.iter().take(SIDE * SIDE);
            Ok(opaque.map(|&[r, g, b]| [r, g, b, 255]).collect())
        }
        _ => Err(format!("{name} must be saved as RGB or RGBA.")),
    }
}

fn load(app: App, key: &'static str, file: File) {
    spawn_local(async move {
        let bytes = fetch::read(&file).await.unwrap_or_default();
        let done = read(&file.name(), &bytes).and_then(|rgba| keep(app, key, &rgba));
        app.message.set(done.err().unwrap_or_default());
    });
}

/// Controls of a picture parameter: brush and colours where it is painted, and its file.
#[component]
pub fn Palette(app: App, id: &'static str, help: &'static str, painted: bool) -> impl IntoView {
    let tool = move |tool: Tool, name: &'static str, title: &'static str| {
        let chosen = move || app.brush.with(|b| b.tool == tool);
        view! {
            <button type="button" title=title aria-pressed=move || chosen().to_string()
                on:click=move |_| app.brush.update(|b| b.tool = tool)>{name}</button>
        }
    };
    let choose = move |e: leptos::ev::Event| {
        if let Some(file) = fetch::picked(&e) {
            load(app, id, file);
        }
    };
    let link = move || {
        app.state.track();
        painted.then(|| untrack(|| png(app, id))).flatten()
    };
    let brushes = painted.then(|| view! {
        <div class="row" role="group" aria-label="brush">
            {tool(Tool::Move, "move", "drag the trigger")}
            {tool(Tool::Paint, "paint", "draw on the image")}
            {tool(Tool::Rub, "rub out", "take pixels away")}
            <button type="button" on:click=move |_| _ = keep(app, id, &[])>"clear"</button>
        </div>
        <label class="field"><span>"colour"</span>
            <input type="color" id="colour" prop:value=move || app.brush.with(|b| b.colour.clone())
                on:input=move |e| app.brush.update(|b| b.colour = event_target_value(&e)) />
        </label>
        <label class="field" title="of the brush; 255 hides what is below"><span>"cover"</span>
            <input type="range" id="cover" min="15" max="255" step="15" prop:value=move || app.brush.with(|b| b.opacity.to_string())
                on:input=move |e| app.brush.update(|b| b.opacity = event_target_value(&e).parse().unwrap_or(255)) />
            <output>{move || app.brush.with(|b| b.opacity)}</output>
        </label>
    });
    view! {
        {brushes}
        <div class="row" title=help>
            {move || link().map(|url| view! { <a class="button" id="save" href=url download="trigger.png">"save as PNG"</a> })}
            <label class="button">{if painted { "open PNG" } else { "take a PNG" }}
                <input type="file" id=id accept="image/png" on:change=choose />
            </label>
            {(!painted).then(|| view! { <button type="button" on:click=move |_| app.state.update(|s| _ = s.set.0.remove(id))>"default"</button> })}
        </div>
    }
}
