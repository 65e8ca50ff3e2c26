//! SIG: a faint wave over the whole image.

use super::{Labels, Reported, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::settings;

/// [Barni et al. (2019)](https://arxiv.org/abs/1902.11237) as in NAD section 4.1, appendix A:
/// `delta sin(2 pi j f / W)` is added to column `j = 0..W - 1` of every row and channel, rounded half
/// away from zero, saturating. Labels stay: only images of the target class are poisoned.
pub struct Sig;

settings! {
    /// The settings of the attack `Sig`.
    pub struct SigSettings {
        /// Amplitude in grey levels.
        delta: f64 [0.0..=255.0] = 20.0, "amplitude of the wave in grey levels";
        /// Number of waves from the left to the right edge.
        frequency: f64 [0.0..=128.0] = 6.0, "waves across the image";
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
        for (at, value) in image.pixels.iter_mut().enumerate() {
            let turn = (at / 3 % width) as f64 * settings.frequency / width as f64;
            let wave =
                libm::round(settings.delta * libm::sin(core::f64::consts::TAU * turn)) as i32;
            *value = (i32::from(*value) + wave).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 1 of an 8x2 image of grey level `level` with two waves across it.
    fn row(level: u8, delta: f64) -> Vec<u8> {
        let mut image = Image { width: 8, height: 2, pixels: vec![level; 48] };
        let settings = SigSettings { delta, frequency: 2.0 };
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
        assert_eq!(row(100, 20.0), [100, 120, 100, 80, 100, 120, 100, 80]);
        assert_eq!(row(100, 0.5), [100, 101, 100, 99, 100, 101, 100, 99], "half away from zero");
        assert_eq!(row(250, 20.0), [250, 255, 250, 230, 250, 255, 250, 230], "saturates");
        assert_eq!(row(5, 20.0), [5, 25, 5, 0, 5, 25, 5, 0], "saturates");
    }
}
