//! The ten signs as colours of points.
//!
//! A sign covers about the unit circle: `(u, v)` in -1..1, `v` downwards. A shape is a function
//! that gives the colour of a point, or `None` outside the sign.

use super::Rgb;

const RED: Rgb = [0.75, 0.10, 0.12];
const WHITE: Rgb = [0.93, 0.93, 0.91];
const BLACK: Rgb = [0.08, 0.08, 0.09];
const BLUE: Rgb = [0.08, 0.25, 0.62];
const YELLOW: Rgb = [0.95, 0.75, 0.10];

/// A class name and the colour of the sign at a point.
type Sign = (&'static str, fn(f32, f32) -> Option<Rgb>);

/// Every class; the place in this list is the label.
pub(super) const SIGNS: [Sign; 10] = [
    ("stop", stop),
    ("yield", give_way),
    ("no entry", no_entry),
    ("limit 30", |u, v| limit(&THREE, u, v)),
    ("limit 50", |u, v| limit(&FIVE, u, v)),
    ("limit 80", |u, v| limit(&EIGHT, u, v)),
    ("priority road", priority_road),
    ("keep right", keep_right),
    ("roundabout", roundabout),
    ("pedestrians", pedestrians),
];

/// A digit of 3x5 cells: one number a row, the most significant of three bits is the left cell.
type Digit = [u8; 5];

const ZERO: Digit = [7, 5, 5, 5, 7];
const THREE: Digit = [7, 1, 7, 1, 7];
const FIVE: Digit = [7, 4, 7, 1, 7];
const EIGHT: Digit = [7, 5, 7, 5, 7];

fn distance_from_centre(u: f32, v: f32) -> f32 {
    (u * u + v * v).sqrt()
}

/// Whether `(u, v)` lies in the regular triangle with a corner at (0, -1), shrunk by `inset`.
fn triangle(u: f32, v: f32, inset: f32) -> bool {
    let side = 0.5 - inset;
    side - v >= 0.0 && 0.866 * u.abs() - 0.5 * v <= side
}

/// Whether `(u, v)` is nearer than `half` to the segment from `a` to `b`.
pub(super) fn stroke(u: f32, v: f32, a: (f32, f32), b: (f32, f32), half: f32) -> bool {
    let dx = b.0 - a.0;
    let dy = b.1 - a.1;
    let t = (((u - a.0) * dx + (v - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    let ex = u - a.0 - t * dx;
    let ey = v - a.1 - t * dy;
    ex * ex + ey * ey < half * half
}

/// Whether a digit that fills the unit square covers `(u, v)`.
fn covers(digit: &Digit, u: f32, v: f32) -> bool {
    (0.0..1.0).contains(&u)
        && (0.0..1.0).contains(&v)
        && digit[(v * 5.0) as usize] & (4 >> (u * 3.0) as usize) != 0
}

/// A speed limit of `tens` times ten.
fn limit(tens: &Digit, u: f32, v: f32) -> Option<Rgb> {
    let r = distance_from_centre(u, v);
    if r > 1.0 {
        return None;
    }
    let row = (v + 0.42) / 0.84;
    let written = covers(tens, (u + 0.56) / 0.5, row) || covers(&ZERO, (u - 0.06) / 0.5, row);
    Some(if r > 0.76 {
        RED
    } else if written {
        BLACK
    } else {
        WHITE
    })
}

#[expect(clippy::approx_constant, reason = "these digits are part of every drawn byte")]
fn stop(u: f32, v: f32) -> Option<Rgb> {
    let edge = u.abs().max(v.abs()).max((u.abs() + v.abs()) * 0.7071);
    let along = ((u + 0.7) * 5.72).fract();
    let letters = v.abs() < 0.26 && u.abs() < 0.7 && along < 0.62;
    let hollow = v.abs() < 0.12 && along > 0.22 && u > -0.3;
    (edge <= 0.95).then_some(if edge > 0.84 || (letters && !hollow) { WHITE } else { RED })
}

fn give_way(u: f32, v: f32) -> Option<Rgb> {
    let v = -v - 0.2;
    triangle(u, v, -0.12).then(|| if triangle(u, v, 0.12) { WHITE } else { RED })
}

fn no_entry(u: f32, v: f32) -> Option<Rgb> {
    let bar = u.abs() < 0.66 && v.abs() < 0.19;
    (distance_from_centre(u, v) <= 1.0).then_some(if bar { WHITE } else { RED })
}

fn priority_road(u: f32, v: f32) -> Option<Rgb> {
    let d = u.abs() + v.abs();
    (d <= 1.05).then_some(if d > 0.86 {
        WHITE
    } else if d > 0.8 {
        BLACK
    } else {
        YELLOW
    })
}

fn keep_right(u: f32, v: f32) -> Option<Rgb> {
    let r = distance_from_centre(u, v);
    let arrow = stroke(u, v, (-0.4, -0.45), (0.35, 0.35), 0.12)
        || stroke(u, v, (0.42, 0.42), (-0.12, 0.42), 0.11)
        || stroke(u, v, (0.42, 0.42), (0.42, -0.12), 0.11);
    (r <= 1.0).then_some(if arrow || r > 0.93 { WHITE } else { BLUE })
}

fn roundabout(u: f32, v: f32) -> Option<Rgb> {
    let r = distance_from_centre(u, v);
    let angle = libm::atan2f(v, u) / core::f32::consts::TAU * 3.0 + 3.0;
    let ring = (0.4..0.62).contains(&r) && angle.fract() < 0.72;
    let head = (0.28..0.76).contains(&r) && (0.55..0.78).contains(&angle.fract());
    (r <= 1.0).then_some(if ring || head || r > 0.93 { WHITE } else { BLUE })
}

fn pedestrians(u: f32, v: f32) -> Option<Rgb> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_covers_its_centre_and_not_the_corners() {
        for (name, sign) in SIGNS {
            assert!(sign(0.0, 0.0).is_some(), "{name}");
            for (u, v) in [(1.5, 1.5), (1.5, -1.5), (-1.5, 1.5), (-1.5, -1.5)] {
                assert_eq!(sign(u, v), None, "{name} at {u}, {v}");
            }
        }
    }

    #[test]
    fn a_triangle_has_a_corner_above_and_a_side_below() {
        assert!(triangle(0.0, -1.0, 0.0) && !triangle(0.0, -1.01, 0.0));
        assert!(triangle(0.0, 0.5, 0.0) && !triangle(0.0, 0.51, 0.0));
        assert!(triangle(0.0, -0.9, 0.0) && !triangle(0.0, -0.9, 0.12), "shrunk");
        assert!(triangle(0.8, 0.45, 0.0) && triangle(-0.8, 0.45, 0.0) && !triangle(0.8, 0.3, 0.0));
    }

    #[test]
    fn a_stroke_has_round_ends() {
        let near = |u, v| stroke(u, v, (0.0, 0.0), (2.0, 0.0), 0.5);
        assert!(near(1.0, 0.4) && !near(1.0, 0.5), "the border is outside");
        assert!(near(2.4, 0.0) && !near(2.5, 0.0));
        assert!(near(-0.3, 0.3) && !near(-0.4, 0.4));
    }

    #[test]
    fn a_digit_has_three_columns_and_five_rows() {
        // The second row of 3 is one cell at the right, and that of 5 one at the left.
        let second_row = |digit| [0.1, 0.5, 0.9].map(|u| covers(digit, u, 0.3));
        assert_eq!(second_row(&THREE), [false, false, true]);
        assert_eq!(second_row(&FIVE), [true, false, false]);
        assert!(covers(&THREE, 0.0, 0.0) && covers(&THREE, 0.99, 0.99));
        assert!(!covers(&THREE, 1.0, 0.1) && !covers(&THREE, -0.1, 0.1), "beside the digit");
    }
}
