//! Refool: the reflection of another scene, as on a window pane.

use super::{Labels, Needs, Reported, StampContext, TypedAttack};
use crate::filter::{Light, ssim};
use crate::image::{Image, blend};
use crate::method::Method;
use crate::seed::Stream;
use crate::{choices, settings};

/// [Liu et al. (2020)](https://arxiv.org/abs/2007.02343) as in NAD section 4.1, table 3, with the
/// parameter ranges and the acceptance test of the public code. With light intensities `t` (image) and
/// `r` (reflection), both pixel values to the power of 2.2, and `alpha` in 0.55..0.95, the result is
/// `alpha t + reflection` with one of two reflections:
///
/// - ghost: `(1 - alpha)` times two copies of `r`, 3 to 8 pixels apart, mixed;
/// - out of focus: `r` blurred with sigma 1 to 5, fading towards the edges (the public code takes a
///   random part of a fade made for images of 560 pixels; here it has the image's size).
///
/// A pair is accepted if the mean of the reflection is at most 0.8 times the mean of the image behind
/// it, the brightest value is at least 0.1, and the structural similarity to the image lies within
/// 0.7..0.85. Otherwise the next reflection is tried. After `tries` reflections the pair that is nearest
/// to acceptance is used.
pub struct Refool;

choices! {
    /// The training images that are poisoned, and their labels.
    pub enum Relabelling {
        /// Images of the target class, which keep their label.
        Clean = "clean",
        /// Images of all classes, which get the target label.
        Dirty = "dirty",
    }
}

settings! {
    /// The settings of the attack `Refool`.
    pub struct RefoolSettings {
        /// Share of ghost reflections; the others are out of focus.
        ghost: f64 [0.0..=1.0] = 0.49, "share of ghost reflections";
        /// Share of the reflected image in the result.
        strength: f64 [0.0..=1.0] = 1.0, "1 is the whole reflection, 0 none";
        /// Most reflections that are tried on an image.
        tries: usize [1..=100] = 10, "reflections tried until one is accepted";
        /// The training images that are poisoned, and their labels.
        labels: Relabelling = Relabelling::Clean,
            "clean: images of the target class keep their label; dirty: all are relabelled",
            planting;
    }
}

const GAMMA: f32 = 2.2;

/// The reflection, and the image together with it, as pixel values before they are rounded to bytes.
struct Scene {
    reflection: Light,
    seen: Light,
}

fn gamma_encoded(linear: Light) -> Light {
    linear.map(|v| libm::powf(v.clamp(0.0, 1.0), 1.0 / GAMMA))
}

/// Two copies of the reflection, shifted against each other.
fn ghost(r: &Light, transmitted: Light, alpha: f32, stream: &mut Stream) -> Scene {
    let w = r.width;
    let h = r.height;
    let shift =
        |stream: &mut Stream, side: usize| (3 + stream.below(6)).min(side.saturating_sub(1));
    let dx = shift(stream, w);
    let dy = shift(stream, h);
    let share = (stream.below(2) as f32 - stream.range(0.15, 0.5)).abs();
    // Padding, summing and cropping by the shift leaves the overlap of the copies.
    let both =
        Light::from_fn(w.saturating_sub(dx).max(1), h.saturating_sub(dy).max(1), |x, y, c| {
            share * r.get((x + dx).min(w - 1), (y + dy).min(h - 1), c)
                + (1.0 - share) * r.get(x, y, c)
        });
    let reflection = both.resized(w, h).map(|v| v * (1.0 - alpha));
    let seen = transmitted.zip(&reflection, |t, r| r + alpha * t);
    Scene { reflection: gamma_encoded(reflection), seen: gamma_encoded(seen) }
}

/// Standard normal distribution function.
fn normal_cdf(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x / core::f32::consts::SQRT_2))
}

/// Brightness along one axis, at most 1: the square root of a Gaussian over three deviations.
fn bell(size: usize) -> Vec<f32> {
    let edge = 3.0 + 3.5 / size as f32;
    let at = |i: usize| normal_cdf(edge * (2.0 * i as f32 / size as f32 - 1.0));
    let mass: Vec<f32> = (0..size).map(|i| at(i + 1) - at(i)).collect();
    let most = mass.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    mass.into_iter().map(|m| libm::sqrtf(m / most)).collect()
}

/// A blurred reflection. If image and reflection together exceed 1 somewhere in a channel, the whole
/// channel is darkened by the mean excess, times 1.08 to 1.18.
fn out_of_focus(r: &Light, transmitted: Light, alpha: f32, stream: &mut Stream) -> Scene {
    let mut blurred = r.blurred(stream.range(1.0, 5.0));
    let factor = 1.08 + stream.range(0.0, 0.1);
    for c in 0..3 {
        let values = blurred.values.iter_mut().skip(c).step_by(3);
        let sums = values.zip(transmitted.values.iter().skip(c).step_by(3));
        let over: Vec<f32> = sums.map(|(r, t)| *r + t).filter(|sum| *sum > 1.0).collect();
        if over.is_empty() {
            continue;
        }
        let excess = over.iter().sum::<f32>() / over.len() as f32 - 1.0;
        blurred.values.iter_mut().skip(c).step_by(3).for_each(|v| *v -= excess * factor);
    }
    let blurred = blurred.map(|v| v.clamp(0.0, 1.0));
    let across = bell(r.width);
    let down = bell(r.height);
    let reflection = Light::from_fn(r.width, r.height, |x, y, c| {
        blurred.get(x, y, c) * across[x] * down[y] * (1.0 - alpha / 2.0)
    });
    let seen = transmitted.zip(&reflection, |t, r| r + alpha * t);
    Scene { reflection: gamma_encoded(reflection), seen: gamma_encoded(seen) }
}

/// Distance of a pair from the limits of acceptance, 0 if it is accepted.
fn distance(image: &Light, scene: &Scene) -> f32 {
    let behind = scene.seen.clone().zip(&scene.reflection, |s, r| s - r);
    let too_bright = (scene.reflection.mean() - 0.8 * behind.mean()).max(0.0);
    let too_dark = (0.1 - scene.seen.values.iter().copied().fold(0.0, f32::max)).max(0.0);
    let likeness = ssim(image, &scene.seen);
    too_bright + too_dark + (0.7 - likeness).max(0.0) + (likeness - 0.85).max(0.0)
}

impl TypedAttack for Refool {
    type Settings = RefoolSettings;

    fn method(&self) -> Method {
        Method {
            id: "refool",
            title: "Refool",
            paper: "Liu et al. 2020; NAD section 4.1, table 3",
            summary: "The reflection of another scene lies over the image, as a ghost or out of focus.",
        }
    }

    fn labels(&self, settings: &RefoolSettings) -> Labels {
        match settings.labels {
            Relabelling::Clean => Labels::Clean,
            Relabelling::Dirty => Labels::Dirty,
        }
    }

    fn needs(&self) -> Needs {
        Needs::Reflections
    }

    fn default_rate(&self) -> f64 {
        0.08
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "gtsrb", acc: 82.38, asr: 95.16 })
    }

    fn stamp(&self, image: &mut Image, settings: &RefoolSettings, context: &StampContext) {
        let plain = Light::of(image);
        // Light intensity by byte: the powers are most of the work.
        let table: Vec<f32> = (0..=255).map(|v| libm::powf(v as f32 / 255.0, GAMMA)).collect();
        let linear = |image: &Image| {
            let values = image.pixels.iter().map(|v| table[usize::from(*v)]).collect();
            Light { width: image.width, height: image.height, values }
        };
        let t = linear(image);
        let mut best: Option<(f32, Scene)> = None;
        for number in 0..settings.tries as u64 {
            let stream = &mut context.stream("refool", &[number]);
            let Some(picture) =
                context.pictures.values().nth(stream.below(context.pictures.len().max(1)))
            else {
                return;
            };
            let same = (picture.width, picture.height) == (t.width, t.height);
            let r = match same {
                true => linear(picture),
                false => linear(&Light::of(picture).resized(t.width, t.height).image()),
            };
            let alpha = 1.0 - stream.range(0.05, 0.45);
            let kind = if stream.unit() < settings.ghost as f32 { ghost } else { out_of_focus };
            let scene = kind(&r, t.clone(), alpha, stream);
            let distance = distance(&plain, &scene);
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, scene));
            }
            if distance == 0.0 {
                break;
            }
        }
        if let Some((_, scene)) = best {
            let strength = settings.strength as f32;
            for (value, seen) in image.pixels.iter_mut().zip(scene.seen.image().pixels) {
                *value = blend(*value, f32::from(seen), strength);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attacks::Pictures;
    use crate::seed::Seed;

    /// f32 powers and their inverses lose a few of 24 bits.
    const ROUNDING: f32 = 1e-5;

    fn constant(side: usize, value: f32) -> Light {
        Light::from_fn(side, side, |_, _, _| value)
    }

    /// Asserts that all values are `expected` to the power of 1 / 2.2.
    #[track_caller]
    fn is_encoded(light: &Light, expected: f32) {
        for value in &light.values {
            assert!((libm::powf(*value, GAMMA) - expected).abs() < ROUNDING, "{value}");
        }
    }

    #[test]
    fn a_ghost_of_a_constant_picture_is_constant() {
        let mut stream = Seed(0).stream("test", &[]);
        let scene = ghost(&constant(9, 0.5), constant(9, 0.25), 0.8, &mut stream);
        is_encoded(&scene.reflection, 0.2 * 0.5);
        is_encoded(&scene.seen, 0.8 * 0.25 + 0.2 * 0.5);
    }

    #[test]
    fn an_out_of_focus_reflection_is_darkened_by_the_excess() {
        let mut stream = Seed(0).stream("test", &[]);
        let black = out_of_focus(&constant(9, 0.0), constant(9, 0.5), 0.8, &mut stream);
        is_encoded(&black.reflection, 0.0);
        is_encoded(&black.seen, 0.8 * 0.5);
        // The sum exceeds 1 by 0.5. That times 1.08 to 1.18 is subtracted from 1; at the centre the
        // factor of the fade is 1, and that of alpha 0.6.
        let white = out_of_focus(&constant(9, 1.0), constant(9, 0.5), 0.8, &mut stream);
        let centre = libm::powf(white.reflection.get(4, 4, 0), GAMMA);
        assert!((0.6 * 0.41 - ROUNDING..=0.6 * 0.46 + ROUNDING).contains(&centre), "{centre}");
    }

    #[test]
    fn the_fade_is_symmetric_and_1_at_the_centre() {
        let fade = bell(9);
        assert_eq!(fade[4], 1.0);
        for i in 0..4 {
            assert!(fade[i] < fade[i + 1] && (fade[i] - fade[8 - i]).abs() < 1e-3, "{fade:?}");
        }
        assert!((normal_cdf(0.0) - 0.5).abs() < ROUNDING);
        assert!((normal_cdf(1.96) - 0.975).abs() < 1e-4);
    }

    /// Images below 7x7 pixels have similarity 1 if they are equal, and 0 otherwise.
    #[test]
    fn the_distance_adds_what_each_limit_misses() {
        let of = |image: f32, seen: f32, reflection: f32| {
            let scene = Scene { reflection: constant(4, reflection), seen: constant(4, seen) };
            distance(&constant(4, image), &scene)
        };
        let near = |found: f32, expected: f32| (found - expected).abs() < ROUNDING;
        assert!(near(of(0.6, 0.6, 0.0), 0.15), "similarity 1 is 0.15 too much");
        assert!(near(of(0.5, 0.6, 0.0), 0.7), "similarity 0 is 0.7 too little");
        assert!(near(of(0.6, 0.6, 0.4), 0.15 + 0.4 - 0.8 * 0.2), "a bright reflection");
        assert!(near(of(0.04, 0.04, 0.0), 0.15 + 0.06), "a dark image");
    }

    #[test]
    fn without_strength_or_pictures_the_image_stays() {
        let image = Image { width: 9, height: 9, pixels: vec![90; 243] };
        let pictures = Pictures::from([(0, Image { pixels: vec![200; 243], ..image.clone() })]);
        let with = StampContext { pictures: &pictures, ..StampContext::of_test_image(0) };
        let without = StampContext::of_test_image(0);
        for (strength, context, changes) in
            [(1.0, with, true), (0.0, with, false), (1.0, without, false)]
        {
            let settings = RefoolSettings { strength, ..RefoolSettings::default() };
            let mut stamped = image.clone();
            Refool.stamp(&mut stamped, &settings, &context);
            assert_eq!(stamped != image, changes, "strength {strength}");
        }
    }
}
