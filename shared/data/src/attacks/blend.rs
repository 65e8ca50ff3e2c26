//! Blend: a faint pattern over the whole image.

use super::{AttackError, Reported, StampContext, TypedAttack};
use crate::image::{Image, blend};
use crate::method::Method;
use crate::sprite::Sprite;
use crate::{choices, settings};

/// [Chen et al. (2017)](https://arxiv.org/abs/1712.05526) as in NAD section 4.1, table 3:
/// `0.8 image + 0.2 pattern`, the pattern uniform noise, one for the whole run. `fresh` draws another
/// one for every image, as the public code does; `picture` takes a picture of the image's size instead.
pub struct Blend;

choices! {
    /// Whether all images get the same noise.
    pub enum Noise {
        /// One pattern for the whole run, a function of the seed.
        Fixed = "fixed",
        /// Another pattern for each image.
        Fresh = "fresh",
    }
}

settings! {
    /// The settings of the attack `Blend`.
    pub struct BlendSettings {
        /// Share of the pattern in the result.
        opacity: f64 [0.0..=1.0] = 0.2, "share of the pattern in the result";
        /// Whether all images get the same noise.
        pattern: Noise = Noise::Fixed,
            "fixed: one pattern, drawn from the seed, for all images; fresh: a new pattern for each";
        /// Replaces the noise.
        picture: Option<Sprite> = None,
            "a picture of the image's size instead of noise; --trigger FILE scales one to it";
    }
}

impl TypedAttack for Blend {
    type Settings = BlendSettings;

    fn method(&self) -> Method {
        Method {
            id: "blend",
            title: "Blend",
            paper: "Chen et al. 2017; NAD section 4.1, table 3",
            summary: "A random pattern is blended over the whole image at 20 %.",
        }
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 84.95, asr: 99.97 })
    }

    fn check(
        &self,
        settings: &BlendSettings,
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        let Some(picture) = &settings.picture else { return Ok(()) };
        let size = (picture.width, picture.height);
        if size != (width, height) {
            Err(AttackError::Size { picture: size, image: (width, height) })
        } else if picture.fits(width, height) {
            Ok(())
        } else {
            Err(AttackError::Beyond { width, height })
        }
    }

    fn stamp(&self, image: &mut Image, settings: &BlendSettings, context: &StampContext) {
        let opacity = settings.opacity as f32;
        if let Some(picture) = &settings.picture {
            return picture.over(image, opacity);
        }
        let mut stream = match settings.pattern {
            Noise::Fresh => context.stream("blend", &[]),
            Noise::Fixed => context.seed.stream("blend", &[]),
        };
        for value in &mut image.pixels {
            *value = blend(*value, stream.below(256) as f32, opacity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A black or grey 4x4 image with the trigger.
    fn stamped(level: u8, settings: &BlendSettings, index: usize) -> Vec<u8> {
        let mut image = Image { width: 4, height: 4, pixels: vec![level; 48] };
        Blend.stamp(&mut image, settings, &StampContext::of_test_image(index));
        image.pixels
    }

    #[test]
    fn a_picture_replaces_the_noise() {
        let white = Sprite { x: 0, y: 0, width: 4, height: 4, rgba: vec![[255; 4]; 16] };
        let settings = BlendSettings { picture: Some(white), ..BlendSettings::default() };
        // A fifth of 255, and four fifths of 100 plus a fifth of 255.
        assert_eq!(stamped(0, &settings, 0), [51; 48]);
        assert_eq!(stamped(100, &settings, 0), [131; 48]);
    }

    #[test]
    fn fresh_noise_differs_from_image_to_image() {
        let of = |pattern, index| {
            let settings = BlendSettings { pattern, opacity: 1.0, picture: None };
            stamped(0, &settings, index)
        };
        assert_eq!(of(Noise::Fixed, 0), of(Noise::Fixed, 1));
        assert_ne!(of(Noise::Fresh, 0), of(Noise::Fresh, 1));
    }

    #[test]
    fn opacity_is_the_share_of_the_noise() {
        let of = |opacity| BlendSettings { opacity, ..BlendSettings::default() };
        assert_eq!(stamped(100, &of(0.0), 0), [100; 48]);
        assert_eq!(stamped(100, &of(1.0), 0), stamped(0, &of(1.0), 0), "the noise alone");
        // A fifth of 0..=255 and four fifths of 100.
        assert!(stamped(100, &of(0.2), 0).iter().all(|value| (80..=131).contains(value)));
    }
}
