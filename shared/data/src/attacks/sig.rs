//! SIG: a faint wave over the whole image.

use super::{Attack, Ink, Labels, Reported};
use crate::image::Image;
use crate::method::{Method, Param, Values};

/// Barni et al. (2019) as in NAD section 4.1, appendix A: `delta sin(2 pi j f / W)` is added to
/// column `j = 0..W - 1` of every row and channel, rounded half away from zero, saturating. Labels
/// stay: only images of the target class are poisoned.
pub struct Sig;

impl Attack for Sig {
    fn method(&self) -> Method {
        Method {
            id: "sig",
            title: "SIG",
            paper: "Barni et al. 2019; NAD section 4.1, table 3",
            summary: "A horizontal sine wave is added to images of the target class; labels stay.",
        }
    }

    fn params(&self) -> Vec<Param> {
        vec![
            Param::float("delta", "amplitude of the wave in grey levels", 0.0, 255.0, 20.0),
            Param::float("frequency", "waves across the image", 0.0, 128.0, 6.0),
        ]
    }

    fn labels(&self, _values: &Values) -> Labels {
        Labels::Clean
    }

    fn default_rate(&self) -> f64 {
        0.08
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 84.36, asr: 99.91 })
    }

    fn stamp(&self, image: &mut Image, ink: &Ink) {
        let (delta, frequency) = (ink.values.float("delta"), ink.values.float("frequency"));
        let width = image.width;
        for (at, value) in image.pixels.iter_mut().enumerate() {
            let turn = (at / 3 % width) as f64 * frequency / width as f64;
            let wave = libm::round(delta * libm::sin(core::f64::consts::TAU * turn)) as i32;
            *value = (i32::from(*value) + wave).clamp(0, 255) as u8;
        }
    }
}
