//! BadNets: a small square pasted onto the image. Read this file first: every attack looks so.

use super::{Area, Attack};
use crate::image::{Image, blend};
use crate::method::{Method, Param, Values};
use crate::seed::Seed;

/// The 3x3 checkerboard at the bottom right of Gu et al. (2017), as in NAD section 4.1 and table 3.
pub struct BadNets;

/// Brightness of cell `(row, column)` of a square of side `size`.
fn cell(pattern: &str, row: usize, column: usize, size: usize) -> u8 {
    // The public code's grid, stretched to the square.
    const GRID: [[u8; 3]; 3] = [[0, 0, 255], [0, 255, 0], [255, 0, 255]];
    match pattern {
        "white" => 255,
        "grid" => GRID[row * 3 / size][column * 3 / size],
        _ if (row + column).is_multiple_of(2) => 255,
        _ => 128,
    }
}

impl Attack for BadNets {
    fn method(&self) -> Method {
        Method {
            id: "badnets",
            title: "BadNets",
            paper: "Gu et al. 2017; NAD section 4.1, table 3",
            summary: "A 3x3 checkerboard in the bottom right corner; poisoned images get the target label.",
        }
    }

    fn params(&self) -> Vec<Param> {
        vec![
            Param::int("size", "side of the square in pixels", 1, 256, 3),
            Param::int("x", "left edge; -1 is flush right", -1, 255, -1),
            Param::int("y", "top edge; -1 is flush with the bottom", -1, 255, -1),
            Param::float("opacity", "1 replaces the pixels, less blends them", 0.0, 1.0, 1.0),
            Param::float(
                "scale",
                "multiplies the pattern before it replaces (NAD appendix K)",
                0.0,
                1.0,
                1.0,
            ),
            Param::choice(
                "pattern",
                "checkerboard: the paper's 128/255, corners 255; grid: the public code's 0/255",
                &["checkerboard", "grid", "white"],
            ),
        ]
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        let size = values.int("size");
        for (key, side) in [("x", width as i64), ("y", height as i64)] {
            let at = values.int(key).max(0);
            if at + size > side {
                return Err(format!(
                    "a trigger of {size} pixels at {key} = {at} does not fit the {width}x{height} image"
                ));
            }
        }
        Ok(())
    }

    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area> {
        let size = (values.int("size").max(0) as usize).min(width).min(height);
        let place = |at: i64, side: usize| usize::try_from(at).unwrap_or(side).min(side - size);
        let (x, y) = (place(values.int("x"), width), place(values.int("y"), height));
        Some(Area { x, y, width: size, height: size })
    }

    fn stamp(&self, image: &mut Image, values: &Values, _index: usize, _seed: Seed) {
        let Some(area) = self.area(values, image.width, image.height) else { return };
        let (opacity, scale) = (values.float("opacity") as f32, values.float("scale") as f32);
        let pattern = values.text("pattern");
        for row in 0..area.height {
            for column in 0..area.width {
                let over = f32::from(cell(pattern, row, column, area.width)) * scale;
                let under = image.get(area.x + column, area.y + row);
                image.set(area.x + column, area.y + row, under.map(|v| blend(v, over, opacity)));
            }
        }
    }
}
