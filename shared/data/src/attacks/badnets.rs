//! BadNets: a small square pasted onto the image. Read this file first: every attack looks so.

use super::{Area, Attack, Ink, Reported, fits, place_params};
use crate::image::{Image, blend};
use crate::method::{Method, Param, Values};

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

fn side(values: &Values) -> (usize, usize) {
    let side = values.int("size").max(0) as usize;
    (side, side)
}

/// The square's parameters, with its default place.
pub(super) fn params(place: i64) -> Vec<Param> {
    let [x, y] = place_params(place, place);
    vec![
        Param::int("size", "side of the square in pixels", 1, 256, 3),
        x,
        y,
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
        params(-1)
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 85.65, asr: 100.0 })
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        fits(values, side(values), width, height)
    }

    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area> {
        Some(Area::placed(values, side(values), width, height))
    }

    fn stamp(&self, image: &mut Image, ink: &Ink) {
        let area = Area::placed(ink.values, side(ink.values), image.width, image.height);
        let opacity = ink.values.float("opacity") as f32;
        let scale = ink.values.float("scale") as f32;
        let pattern = ink.values.text("pattern");
        for row in 0..area.height {
            for column in 0..area.width {
                let over = f32::from(cell(pattern, row, column, area.width)) * scale;
                let under = image.get(area.x + column, area.y + row);
                image.set(area.x + column, area.y + row, under.map(|v| blend(v, over, opacity)));
            }
        }
    }
}
