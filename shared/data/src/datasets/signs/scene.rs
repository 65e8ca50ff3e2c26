//! The surroundings of a sign: its background and pose, the light, and a bar in front of it.
//!
//! Every constructor takes its random numbers in the order of its fields. That order is part of
//! every drawn byte.

use super::Rgb;
use super::shapes::stroke;
use crate::seed::Stream;

/// Three numbers in `[low, high)`.
fn colour(stream: &mut Stream, low: f32, high: f32) -> Rgb {
    [0; 3].map(|_| stream.range(low, high))
}

/// A soft round spot.
struct Blob {
    centre: (f32, f32),
    radius: f32,
    colour: Rgb,
}

impl Blob {
    fn new(stream: &mut Stream) -> Self {
        Self {
            centre: (stream.unit(), stream.unit()),
            radius: stream.range(0.05, 0.3),
            colour: [0; 3].map(|_| stream.unit()),
        }
    }
}

/// A colour gradient with two soft spots. Points lie in 0..1, `y` downwards.
pub(super) struct Background {
    /// Colour at (0, 0).
    corner: Rgb,
    /// Change of the colour along `x` and along `y`.
    slope: [Rgb; 2],
    blobs: [Blob; 2],
}

impl Background {
    pub(super) fn new(stream: &mut Stream) -> Self {
        Self {
            corner: colour(stream, 0.1, 0.8),
            slope: [colour(stream, -0.3, 0.3), colour(stream, -0.3, 0.3)],
            blobs: [Blob::new(stream), Blob::new(stream)],
        }
    }

    pub(super) fn at(&self, x: f32, y: f32) -> Rgb {
        let mut rgb =
            [0, 1, 2].map(|c| self.corner[c] + x * self.slope[0][c] + y * self.slope[1][c]);
        for Blob { centre: (bx, by), radius, colour } in &self.blobs {
            let near = ((x - bx) * (x - bx) + (y - by) * (y - by)) / (radius * radius);
            let weight = (1.0 - near).max(0.0);
            rgb = [0, 1, 2].map(|c| rgb[c] + weight * (colour[c] - rgb[c]));
        }
        rgb
    }
}

/// Place, size, rotation and distortion of the sign.
pub(super) struct Pose {
    sin: f32,
    cos: f32,
    radius: f32,
    stretch: f32,
    shear: f32,
    centre: (f32, f32),
}

impl Pose {
    pub(super) fn new(stream: &mut Stream) -> Self {
        let angle = stream.range(-0.30, 0.30);
        Self {
            sin: libm::sinf(angle),
            cos: libm::cosf(angle),
            radius: stream.range(0.24, 0.44),
            stretch: stream.range(0.82, 1.2),
            shear: stream.range(-0.22, 0.22),
            centre: (stream.range(0.4, 0.6), stream.range(0.4, 0.6)),
        }
    }

    /// The point of the sign at `(x, y)` of the image, in units of the sign's radius.
    pub(super) fn on_sign(&self, x: f32, y: f32) -> (f32, f32) {
        let dx = (x - self.centre.0) / self.radius;
        let dy = (y - self.centre.1) / self.radius;
        let u = self.cos * dx + self.sin * dy;
        let v = self.cos * dy - self.sin * dx;
        (u * self.stretch + self.shear * v, v / self.stretch)
    }
}

/// Brightness, colour cast, and a straight shadow edge across the image.
pub(super) struct Light {
    gain: f32,
    cast: Rgb,
    /// `edge.0 x + edge.1 y > edge.2` is in shadow, with `x` and `y` from the centre.
    edge: (f32, f32, f32),
    shade: f32,
}

impl Light {
    pub(super) fn new(stream: &mut Stream) -> Self {
        Self {
            gain: stream.range(0.35, 1.25),
            cast: colour(stream, 0.85, 1.15),
            edge: (stream.range(-1.0, 1.0), stream.range(-1.0, 1.0), stream.range(-0.5, 0.5)),
            shade: stream.range(0.45, 1.0),
        }
    }

    /// A quarter of the light that a surface of colour `rgb` at `(x, y)` sends: a pixel is the sum
    /// over four points.
    pub(super) fn quarter(&self, rgb: Rgb, x: f32, y: f32) -> Rgb {
        let dark = self.edge.0 * (x - 0.5) + self.edge.1 * (y - 0.5) > self.edge.2;
        let light = self.gain * if dark { self.shade } else { 1.0 };
        [0, 1, 2].map(|c| 0.25 * rgb[c] * light * self.cast[c])
    }
}

/// Both ends of a bar and half its thickness.
type Segment = ((f32, f32), (f32, f32), f32);

/// A bar in front of the sign, in about a third of the images.
pub(super) struct Bar {
    segment: Option<Segment>,
    pub(super) colour: Rgb,
}

impl Bar {
    pub(super) fn new(stream: &mut Stream) -> Self {
        let there = stream.unit() < 0.35;
        let segment = there.then(|| {
            let x = stream.unit();
            let y = stream.unit();
            let end = (x + stream.range(-0.5, 0.5), y + stream.range(-0.5, 0.5) + 0.01);
            ((x, y), end, stream.range(0.02, 0.1))
        });
        Self { segment, colour: colour(stream, 0.05, 0.7) }
    }

    pub(super) fn covers(&self, x: f32, y: f32) -> bool {
        self.segment.is_some_and(|(a, b, half)| stroke(x, y, a, b, half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near<const N: usize>(found: [f32; N], expected: [f32; N]) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn a_pose_moves_scales_and_turns() {
        let plain = || Pose {
            sin: 0.0,
            cos: 1.0,
            radius: 0.25,
            stretch: 1.0,
            shear: 0.0,
            centre: (0.5, 0.4),
        };
        let of = |pose: Pose, x, y| <[f32; 2]>::from(pose.on_sign(x, y));
        near(of(plain(), 0.5, 0.4), [0.0, 0.0]);
        near(of(plain(), 0.75, 0.65), [1.0, 1.0]);
        near(of(Pose { sin: 1.0, cos: 0.0, ..plain() }, 0.75, 0.4), [0.0, -1.0]);
        near(of(Pose { stretch: 2.0, ..plain() }, 0.75, 0.65), [2.0, 0.5]);
        near(of(Pose { shear: 0.5, ..plain() }, 0.75, 0.65), [1.5, 1.0]);
    }

    #[test]
    fn a_spot_covers_the_gradient_up_to_its_radius() {
        let blob = Blob { centre: (0.5, 0.5), radius: 0.2, colour: [1.0; 3] };
        let none = Blob { centre: (9.0, 9.0), radius: 0.2, colour: [1.0; 3] };
        let slope = [[0.2, 0.0, 0.0], [0.0, 0.4, 0.0]];
        let background = Background { corner: [0.1; 3], slope, blobs: [blob, none] };
        near(background.at(0.5, 0.5), [1.0, 1.0, 1.0]);
        near(background.at(0.5, 0.75), [0.2, 0.4, 0.1]);
        near(background.at(0.0, 0.0), [0.1, 0.1, 0.1]);
    }

    #[test]
    fn four_quarters_of_light_are_the_lit_or_shaded_colour() {
        let cast = [1.0, 0.5, 1.0];
        let light = Light { gain: 2.0, cast, edge: (1.0, 0.0, 0.0), shade: 0.5 };
        near(light.quarter([0.4; 3], 0.25, 0.9), [0.2, 0.1, 0.2]);
        near(light.quarter([0.4; 3], 0.75, 0.9), [0.1, 0.05, 0.1]);
    }

    #[test]
    fn without_a_bar_nothing_is_covered() {
        let segment = Some(((0.0, 0.5), (1.0, 0.5), 0.1));
        let bar = Bar { segment, colour: [0.0; 3] };
        assert!(bar.covers(0.5, 0.55) && !bar.covers(0.5, 0.65));
        let none = Bar { segment: None, colour: [0.0; 3] };
        assert!(!none.covers(0.5, 0.5));
    }
}
