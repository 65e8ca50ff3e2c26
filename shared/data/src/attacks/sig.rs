//! SIG: a faint wave over the whole image.

use super::{Labels, Reported, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::{choices, settings};

/// [Barni et al. (2019)](https://arxiv.org/abs/1902.11237) as in NAD section 4.1, appendix A:
/// `delta sin(2 pi j f / W)` is added to column `j = 0..W - 1` of every row and channel, rounded half
/// away from zero, saturating. Labels stay: only images of the target class are poisoned.
///
/// `wave = "mask"` is the trigger of [NAD's public code](https://github.com/bboylyg/NAD), which differs
/// from the formula: `0.8 image + 0.2 mask`, cut to a whole number. The stored mask is the wave, cut to a
/// whole number and written as a byte, so that -1 becomes 255. It has `delta = 20` and the phase `0.8 j`,
/// which is `frequency = 4.074367` in images of 32 pixels. Its stripes differ by up to 51 grey levels.
pub struct Sig;

choices! {
    /// How the wave becomes part of the image.
    pub enum Wave {
        /// Added, as in the paper.
        Added = "added",
        /// Mixed in as a picture of bytes, as in NAD's public code.
        Mask = "mask",
    }
}

settings! {
    /// The settings of the attack `Sig`.
    pub struct SigSettings {
        /// Amplitude in grey levels.
        delta: f64 [0.0..=255.0] = 20.0, "amplitude of the wave in grey levels";
        /// Number of waves from the left to the right edge.
        frequency: f64 [0.0..=128.0] = 6.0, "waves across the image";
        /// How the wave becomes part of the image.
        wave: Wave = Wave::Added,
            "added: the paper's formula; mask: a fifth of the wave in bytes, as in NAD's code", hash_neutral;
    }
}

/// Share of the mask in the result.
const MASK_SHARE: f64 = 0.2;

impl SigSettings {
    /// The wave at column `x` of an image of `width` pixels, in grey levels.
    fn height(&self, x: usize, width: usize) -> f64 {
        let turn = x as f64 * self.frequency / width as f64;
        self.delta * libm::sin(core::f64::consts::TAU * turn)
    }

    /// `value` with the wave at height `height`.
    fn waved(&self, value: u8, height: f64) -> u8 {
        match self.wave {
            Wave::Added => (i32::from(value) + libm::round(height) as i32).clamp(0, 255) as u8,
            Wave::Mask => {
                let mask = (height as i32).rem_euclid(256);
                let mixed = (1.0 - MASK_SHARE) * f64::from(value) + MASK_SHARE * f64::from(mask);
                mixed as u8
            }
        }
    }
}

impl TypedAttack for Sig {
    type Settings = SigSettings;

    fn method(&self) -> Method {
        Method {
            id: "sig",
            title: "SIG",
            paper: "Barni et al. 2019; NAD section 4.1, table 3",
            summary: "A horizontal sine wave is added to images of the target class; labels stay.",
        }
    }

    fn labels(&self, _settings: &SigSettings) -> Labels {
        Labels::Clean
    }

    fn default_rate(&self) -> f64 {
        0.08
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 84.36, asr: 99.91 })
    }

    fn stamp(&self, image: &mut Image, settings: &SigSettings, _context: &StampContext) {
        let width = image.width;
        let heights: Vec<f64> = (0..width).map(|x| settings.height(x, width)).collect();
        for (at, value) in image.pixels.iter_mut().enumerate() {
            *value = settings.waved(*value, heights[at / 3 % width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 1 of an 8x2 image of grey level `level` with two waves across it.
    fn row(level: u8, delta: f64, wave: Wave) -> Vec<u8> {
        let mut image = Image { width: 8, height: 2, pixels: vec![level; 48] };
        let settings = SigSettings { delta, frequency: 2.0, wave };
        Sig.stamp(&mut image, &settings, &StampContext::of_test_image(0));
        (0..8)
            .map(|x| {
                let [red, green, blue] = image.get(x, 1);
                assert_eq!((red, red), (green, blue), "column {x} is grey");
                red
            })
            .collect()
    }

    /// Two waves over 8 columns are at 0, 1, 0, -1 times their amplitude, twice.
    #[test]
    fn a_wave_is_added_to_each_row() {
        let row = |level, delta| row(level, delta, Wave::Added);
        assert_eq!(row(100, 20.0), [100, 120, 100, 80, 100, 120, 100, 80]);
        assert_eq!(row(100, 0.5), [100, 101, 100, 99, 100, 101, 100, 99], "half away from zero");
        assert_eq!(row(250, 20.0), [250, 255, 250, 230, 250, 255, 250, 230], "saturates");
        assert_eq!(row(5, 20.0), [5, 25, 5, 0, 5, 25, 5, 0], "saturates");
    }

    /// The wave 0, 20, 0, -20 as bytes is 0, 20, 0, 236 (sine values near 0 are cut to 0).
    #[test]
    fn a_mask_of_bytes_is_mixed_in() {
        let expected = [80, 84, 80, 127, 80, 84, 80, 127];
        assert_eq!(row(100, 20.0, Wave::Mask), expected);
    }
}
