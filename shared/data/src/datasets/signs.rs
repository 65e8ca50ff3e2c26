//! `signs`: ten classes of traffic signs, drawn. Image `i` of a split is a pure function of
//! (seed, split, i), so the page draws its own test images and nothing is downloaded.
//!
//! Shapes are tested at four points a pixel; only `+ - * /`, `sqrt` and `libm` are used, so every
//! platform draws the same bytes.

use crate::image::Image;
use crate::seed::{Seed, Stream};

/// Side of an image in pixels.
pub const SIZE: usize = 32;
/// Images in the training split.
pub const TRAIN: usize = 10_000;
/// Images in the test split.
pub const TEST: usize = 2_000;

pub const CLASSES: [&str; 10] = [
    "stop",
    "yield",
    "no entry",
    "limit 30",
    "limit 50",
    "limit 80",
    "priority road",
    "keep right",
    "roundabout",
    "pedestrians",
];

type Rgb = [f32; 3];

const RED: Rgb = [0.75, 0.10, 0.12];
const WHITE: Rgb = [0.93, 0.93, 0.91];
const BLACK: Rgb = [0.08, 0.08, 0.09];
const BLUE: Rgb = [0.08, 0.25, 0.62];
const YELLOW: Rgb = [0.95, 0.75, 0.10];

/// 3x5 digits, one row a number, most significant bit left.
const DIGITS: [(char, [u8; 5]); 4] = [
    ('0', [7, 5, 5, 5, 7]),
    ('3', [7, 1, 7, 1, 7]),
    ('5', [7, 4, 7, 1, 7]),
    ('8', [7, 5, 7, 5, 7]),
];

/// Inside the regular triangle with a corner at (0, -1), shrunk by `inset`.
fn triangle(u: f32, v: f32, inset: f32) -> bool {
    let (dy, side) = (0.5 - inset - v, 0.5 - inset);
    dy >= 0.0 && 0.866 * u.abs() - 0.5 * v <= side
}

/// Distance from the segment (ax, ay)-(bx, by) is below `half`.
fn stroke(u: f32, v: f32, a: (f32, f32), b: (f32, f32), half: f32) -> bool {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t = (((u - a.0) * dx + (v - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    let (ex, ey) = (u - a.0 - t * dx, v - a.1 - t * dy);
    ex * ex + ey * ey < half * half
}

fn digit(c: char, u: f32, v: f32) -> bool {
    let rows = DIGITS.iter().find(|(d, _)| *d == c).map_or([0; 5], |(_, rows)| *rows);
    (0.0..1.0).contains(&u)
        && (0.0..1.0).contains(&v)
        && rows[(v * 5.0) as usize] & (4 >> (u * 3.0) as usize) != 0
}

fn limit(tens: char, u: f32, v: f32, r: f32) -> Option<Rgb> {
    if r > 1.0 {
        return None;
    }
    let written = digit(tens, (u + 0.56) / 0.5, (v + 0.42) / 0.84)
        || digit('0', (u - 0.06) / 0.5, (v + 0.42) / 0.84);
    Some(if r > 0.76 {
        RED
    } else if written {
        BLACK
    } else {
        WHITE
    })
}

/// Colour of the sign at `(u, v)` in -1..1, or nothing outside it.
#[expect(clippy::approx_constant, reason = "these digits are part of every drawn byte")]
fn sign(class: usize, u: f32, v: f32) -> Option<Rgb> {
    let r = (u * u + v * v).sqrt();
    match CLASSES[class] {
        "stop" => {
            let edge = u.abs().max(v.abs()).max((u.abs() + v.abs()) * 0.7071);
            let letters = v.abs() < 0.26 && u.abs() < 0.7 && ((u + 0.7) * 5.72).fract() < 0.62;
            let hollow = v.abs() < 0.12 && ((u + 0.7) * 5.72).fract() > 0.22 && u > -0.3;
            (edge <= 0.95).then_some(if edge > 0.84 || (letters && !hollow) { WHITE } else { RED })
        }
        "yield" => triangle(u, -v - 0.2, -0.12)
            .then(|| if triangle(u, -v - 0.2, 0.12) { WHITE } else { RED }),
        "no entry" => {
            (r <= 1.0).then_some(if u.abs() < 0.66 && v.abs() < 0.19 { WHITE } else { RED })
        }
        "limit 30" => limit('3', u, v, r),
        "limit 50" => limit('5', u, v, r),
        "limit 80" => limit('8', u, v, r),
        "priority road" => {
            let d = u.abs() + v.abs();
            (d <= 1.05).then_some(if d > 0.86 {
                WHITE
            } else if d > 0.8 {
                BLACK
            } else {
                YELLOW
            })
        }
        "keep right" => {
            let arrow = stroke(u, v, (-0.4, -0.45), (0.35, 0.35), 0.12)
                || stroke(u, v, (0.42, 0.42), (-0.12, 0.42), 0.11)
                || stroke(u, v, (0.42, 0.42), (0.42, -0.12), 0.11);
            (r <= 1.0).then_some(if arrow || r > 0.93 { WHITE } else { BLUE })
        }
        "roundabout" => {
            let angle = libm::atan2f(v, u) / core::f32::consts::TAU * 3.0 + 3.0;
            let ring = (0.4..0.62).contains(&r) && angle.fract() < 0.72;
            let head = (0.28..0.76).contains(&r) && (0.55..0.78).contains(&angle.fract());
            (r <= 1.0).then_some(if ring || head || r > 0.93 { WHITE } else { BLUE })
        }
        _ => {
            let figure = (u * u + (v + 0.32) * (v + 0.32)) < 0.012
                || stroke(u, v, (0.0, -0.18), (0.02, 0.08), 0.1)
                || stroke(u, v, (0.02, 0.08), (-0.18, 0.34), 0.06)
                || stroke(u, v, (0.02, 0.08), (0.2, 0.34), 0.06)
                || stroke(u, v, (0.0, -0.14), (0.22, 0.04), 0.05);
            let v = v - 0.2;
            triangle(u, v, -0.12).then(|| {
                if figure {
                    BLACK
                } else if triangle(u, v, 0.12) {
                    WHITE
                } else {
                    RED
                }
            })
        }
    }
}

/// A colour gradient with two soft blobs.
struct Background {
    corner: Rgb,
    slope: [Rgb; 2],
    blobs: [(f32, f32, f32, Rgb); 2],
}

impl Background {
    fn new(s: &mut Stream) -> Self {
        let mut colour = |low: f32, high: f32| [0; 3].map(|_| s.range(low, high));
        let (corner, slope) = (colour(0.1, 0.8), [colour(-0.3, 0.3), colour(-0.3, 0.3)]);
        let mut blob = || (s.unit(), s.unit(), s.range(0.05, 0.3), [0; 3].map(|_| s.unit()));
        Self { corner, slope, blobs: [blob(), blob()] }
    }

    fn at(&self, x: f32, y: f32) -> Rgb {
        let mut rgb =
            [0, 1, 2].map(|c| self.corner[c] + x * self.slope[0][c] + y * self.slope[1][c]);
        for (bx, by, radius, colour) in self.blobs {
            let near = ((x - bx) * (x - bx) + (y - by) * (y - by)) / (radius * radius);
            let weight = (1.0 - near).max(0.0);
            rgb = [0, 1, 2].map(|c| rgb[c] + weight * (colour[c] - rgb[c]));
        }
        rgb
    }
}

/// Draws image `index` of `split` ("train" or "test"); returns it with its class.
pub fn draw(seed: Seed, split: &str, index: usize) -> (Image, u16) {
    let s = &mut seed.stream("signs", &[u64::from(split == "test"), index as u64]);
    let class = s.below(CLASSES.len());
    let background = Background::new(s);
    // Pose: (u, v) = matrix * (point - centre), in units of the sign's radius.
    let (angle, radius) = (s.range(-0.30, 0.30), s.range(0.24, 0.44));
    let (stretch, shear) = (s.range(0.82, 1.2), s.range(-0.22, 0.22));
    let centre = (s.range(0.4, 0.6), s.range(0.4, 0.6));
    let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
    let pose = |x: f32, y: f32| {
        let (dx, dy) = ((x - centre.0) / radius, (y - centre.1) / radius);
        let (u, v) = (cos * dx + sin * dy, cos * dy - sin * dx);
        (u * stretch + shear * v, v / stretch)
    };
    // Light: gain, cast, and a shadow edge across the image.
    let (gain, cast) = (s.range(0.35, 1.25), [0; 3].map(|_| s.range(0.85, 1.15)));
    let (edge, shade) =
        ((s.range(-1.0, 1.0), s.range(-1.0, 1.0), s.range(-0.5, 0.5)), s.range(0.45, 1.0));
    // A bar in front of the sign, in a third of the images.
    let bar = (s.unit() < 0.35).then(|| {
        let (x, y) = (s.unit(), s.unit());
        ((x, y), (x + s.range(-0.5, 0.5), y + s.range(-0.5, 0.5) + 0.01), s.range(0.02, 0.1))
    });
    let bar_colour = [0; 3].map(|_| s.range(0.05, 0.7));

    let mut colours = vec![[0.0f32; 3]; SIZE * SIZE];
    for (i, colour) in colours.iter_mut().enumerate() {
        for sample in 0..4 {
            let x = ((i % SIZE) as f32 + 0.25 + 0.5 * (sample % 2) as f32) / SIZE as f32;
            let y = ((i / SIZE) as f32 + 0.25 + 0.5 * (sample / 2) as f32) / SIZE as f32;
            let (u, v) = pose(x, y);
            let mut rgb = sign(class, u, v).unwrap_or_else(|| background.at(x, y));
            if bar.is_some_and(|(a, b, half)| stroke(x, y, a, b, half)) {
                rgb = bar_colour;
            }
            let dark = edge.0 * (x - 0.5) + edge.1 * (y - 0.5) > edge.2;
            let light = gain * if dark { shade } else { 1.0 };
            for c in 0..3 {
                colour[c] += 0.25 * rgb[c] * light * cast[c];
            }
        }
    }
    let blurred = blur(&colours, s.range(0.0, 0.9));
    let noise = s.range(0.01, 0.09);
    let mut image = Image::new(SIZE, SIZE);
    for (i, rgb) in blurred.into_iter().enumerate() {
        let rgb = rgb.map(|v| ((v + noise * s.normal()) * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
        image.set(i % SIZE, i / SIZE, rgb);
    }
    (image, class as u16)
}

/// Two passes of the 3-tap filter `[a, 1, a] / (1 + 2a)` along rows and columns.
fn blur(colours: &[Rgb], a: f32) -> Vec<Rgb> {
    let mut out = colours.to_vec();
    for (step, across) in [(1, 1), (SIZE, SIZE), (1, 1), (SIZE, SIZE)] {
        let before = out.clone();
        for i in 0..out.len() {
            let place = i / across % SIZE;
            let left = if place == 0 { i } else { i - step };
            let right = if place == SIZE - 1 { i } else { i + step };
            out[i] = [0, 1, 2].map(|c| {
                (before[i][c] + a * (before[left][c] + before[right][c])) / (1.0 + 2.0 * a)
            });
        }
    }
    out
}
