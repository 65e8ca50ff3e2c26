//! Pixels on canvases, and pictures into pixels.

use leptos::prelude::{document, window};
use unstamp_shared::heat;
use unstamp_shared::image::Image;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData};

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// Draws an image at its own size; CSS enlarges it.
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

/// A square map over the grey image.
pub fn attention(canvas: &HtmlCanvasElement, under: &Image, map: &[f32]) {
    let side = map.len().isqrt();
    image(canvas, &heat::over(under, map, side, side));
}

/// Decodes a picture and brings its middle square to 32x32.
pub async fn decode(blob: &Blob, side: u32) -> Result<Image, String> {
    let wrong = || "This file is no picture the browser can read.".to_string();
    let promise = window().create_image_bitmap_with_blob(blob).map_err(|_| wrong())?;
    let bitmap: ImageBitmap =
        JsFuture::from(promise).await.map_err(|_| wrong())?.dyn_into().map_err(|_| wrong())?;
    let canvas: HtmlCanvasElement = document()
        .create_element("canvas")
        .map_err(|_| wrong())?
        .dyn_into()
        .map_err(|_| wrong())?;
    canvas.set_width(side);
    canvas.set_height(side);
    let context = context(&canvas).ok_or_else(wrong)?;
    let (w, h) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    let cut = w.min(h);
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            &bitmap,
            (w - cut) / 2.0,
            (h - cut) / 2.0,
            cut,
            cut,
            0.0,
            0.0,
            f64::from(side),
            f64::from(side),
        )
        .map_err(|_| wrong())?;
    let data =
        context.get_image_data(0.0, 0.0, f64::from(side), f64::from(side)).map_err(|_| wrong())?;
    let pixels =
        data.data().0.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    Image::from_pixels(side as usize, side as usize, pixels).ok_or_else(wrong)
}
