//! Maps as colours over a picture.

use crate::image::Image;

/// Dark violet over red to pale yellow, rising in lightness (readable without colour vision).
fn heat(t: f32) -> [f32; 3] {
    const STOPS: [[f32; 3]; 5] = [
        [20.0, 11.0, 53.0],
        [101.0, 21.0, 110.0],
        [188.0, 55.0, 84.0],
        [249.0, 142.0, 9.0],
        [252.0, 255.0, 164.0],
    ];
    let at = t.clamp(0.0, 1.0) * 4.0;
    let i = (at as usize).min(3);
    let share = at - i as f32;
    [0, 1, 2].map(|c| STOPS[i][c] + share * (STOPS[i + 1][c] - STOPS[i][c]))
}

/// A square map, row by row, scaled to its maximum, over the grey picture.
pub fn over(under: &Image, map: &[f32]) -> Image {
    let side = map.len().isqrt();
    let largest = map.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut over = under.clone();
    for y in 0..under.height {
        for x in 0..under.width {
            let value = map.get((y * side / under.height) * side + x * side / under.width);
            let t = value.copied().unwrap_or(0.0) / largest;
            let [r, g, b] = under.get(x, y).map(f32::from);
            let grey = 0.3 * r + 0.6 * g + 0.1 * b;
            over.set(x, y, heat(t).map(|v| (0.72 * v + 0.28 * grey) as u8));
        }
    }
    over
}
