//! Draws images on canvases, and decodes image files.

use leptos::prelude::{document, window};
use unstamp_shared::heat::{self, AttentionMap};
use unstamp_shared::image::Image;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData};

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// Draws an image at its own size; the style sheet enlarges it.
pub fn image(canvas: &HtmlCanvasElement, image: &Image) {
    canvas.set_width(image.width as u32);
    canvas.set_height(image.height as u32);
    let rgba: Vec<u8> =
        image.pixels.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    let data = ImageData::new_with_u8_clamped_array_and_sh(
        wasm_bindgen::Clamped(&rgba),
        image.width as u32,
        image.height as u32,
    );
    if let (Some(context), Ok(data)) = (context(canvas), data) {
        let _ = context.put_image_data(&data, 0.0, 0.0);
    }
}

/// Draws an attention map over the grey image.
pub fn attention(canvas: &HtmlCanvasElement, under: &Image, map: &AttentionMap) {
    image(canvas, &heat::over(under, &map.values, map.width, map.height));
}

/// Decodes an image file and scales its middle square to `side` by `side` pixels; `None` if the
/// browser cannot read the file.
pub async fn decode(blob: &Blob, side: u32) -> Option<Image> {
    let promise = window().create_image_bitmap_with_blob(blob).ok()?;
    let bitmap: ImageBitmap = JsFuture::from(promise).await.ok()?.dyn_into().ok()?;
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(side);
    canvas.set_height(side);
    let context = context(&canvas)?;
    // Under transparent pixels, as in `unstamp stamp`.
    context.set_fill_style_str("white");
    context.fill_rect(0.0, 0.0, f64::from(side), f64::from(side));
    let width = f64::from(bitmap.width());
    let height = f64::from(bitmap.height());
    let cut = width.min(height);
    let scaled = f64::from(side);
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            &bitmap,
            (width - cut) / 2.0,
            (height - cut) / 2.0,
            cut,
            cut,
            0.0,
            0.0,
            scaled,
            scaled,
        )
        .ok()?;
    let data = context.get_image_data(0.0, 0.0, scaled, scaled).ok()?.data().0;
    let rgba = data.as_chunks::<4>().0;
    let pixels = rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    Image::from_pixels(side as usize, side as usize, pixels)
}
