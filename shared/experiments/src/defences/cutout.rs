//! Cutout: fine-tuning with a small square blanked in every image.

use super::training::{TrainingSettings, cross_entropy_phase};
use super::{DefenceInput, Reported, TypedDefence};
use crate::job::Phase;
use unstamp_data::method::Method;
use unstamp_data::settings;

/// [DeVries & Taylor (2017)](https://arxiv.org/abs/1708.04552) as in NAD appendix B: one hole of 3x3,
/// together with crop and flip. The other fine-tuning methods blank 9x9.
pub struct Cutout;

settings! {
    /// The settings of [`Cutout`].
    pub struct CutoutSettings {
        /// The training.
        training: TrainingSettings = TrainingSettings::with_cutout(3);
    }
}

impl TypedDefence for Cutout {
    type Settings = CutoutSettings;

    fn method(&self) -> Method {
        Method {
            id: "cutout",
            title: "Cutout",
            paper: "DeVries & Taylor 2017; NAD appendix B, table 4",
            summary: "Fine-tunes on clean images with a 3x3 square blanked.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 82.73, asr: 28.17 },
            Reported { attack: "trojan", acc: 80.13, asr: 50.22 },
            Reported { attack: "blend", acc: 81.78, asr: 15.30 },
            Reported { attack: "clean_label", acc: 81.34, asr: 73.33 },
            Reported { attack: "sig", acc: 82.77, asr: 99.95 },
        ]
    }

    fn phases(&self, settings: &CutoutSettings, given: &DefenceInput) -> Vec<Phase> {
        vec![cross_entropy_phase("cutout", settings.training.training(given.flip))]
    }
}
