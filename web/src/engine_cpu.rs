use wasm_bindgen::prelude::*;
#[wasm_bindgen] pub fn hello() -> u32 { 1 }
fn main() {}
