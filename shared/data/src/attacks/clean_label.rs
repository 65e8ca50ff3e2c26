//! Clean-label: BadNets' square on images whose own class is made hard to see.

use super::{Area, AttackError, Labels, Needs, Reported, Square, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;
use crate::settings;

/// [Turner et al. (2019)](https://arxiv.org/abs/1912.02771) as in NAD section 4.1, appendix A: images
/// of the target class are first perturbed by PGD within an L-infinity ball of radius eps = 0.15 on a
/// separately trained model (`craft::clean_label` makes them), so that only the square tells their
/// class; labels stay. At test time there is the square alone.
///
/// The public variant uses `eps = 0.0314` (8/255) and a robust model.
pub struct CleanLabel;

settings! {
    /// The settings of the attack `CleanLabel`.
    pub struct CleanLabelSettings {
        /// The square.
        square: Square = Square::default();
        /// Radius of the perturbation in the L-infinity norm, for pixels in 0..1.
        eps: f64 [0.0..=1.0] = 0.15, "radius of the perturbation; pixels lie in 0..1", planting;
        /// Number of steps of projected gradient descent.
        steps: usize [1..=1000] = 20, "steps of projected gradient descent", planting;
        /// Length of a step as a share of `eps`.
        step: f64 [0.0..=1.0] = 0.15, "length of a step as a share of eps", planting;
    }
}

impl TypedAttack for CleanLabel {
    type Settings = CleanLabelSettings;

    fn method(&self) -> Method {
        Method {
            id: "clean_label",
            title: "Clean-label",
            paper: "Turner et al. 2019; NAD section 4.1, table 3",
            summary: "BadNets' square on adversarially perturbed images of the target class; labels stay.",
        }
    }

    fn labels(&self, _settings: &CleanLabelSettings) -> Labels {
        Labels::Clean
    }

    fn needs(&self) -> Needs {
        Needs::Perturbed
    }

    fn default_rate(&self) -> f64 {
        0.08
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 82.43, asr: 99.21 })
    }

    fn check(
        &self,
        settings: &CleanLabelSettings,
        width: usize,
        height: usize,
    ) -> Result<(), AttackError> {
        settings.square.check(width, height)
    }

    fn area(&self, settings: &CleanLabelSettings, width: usize, height: usize) -> Option<Area> {
        Some(settings.square.area(width, height))
    }

    fn stamp(&self, image: &mut Image, settings: &CleanLabelSettings, _context: &StampContext) {
        settings.square.stamp(image);
    }

    fn poison(&self, image: &mut Image, settings: &CleanLabelSettings, context: &StampContext) {
        if let Some(perturbed) = context.pictures.get(&context.index) {
            image.clone_from(perturbed);
        }
        self.stamp(image, settings, context);
    }
}
