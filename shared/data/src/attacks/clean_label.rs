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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attacks::{Pictures, Place, SquarePattern};
    use crate::datasets::SplitName;
    use crate::seed::Seed;

    #[test]
    fn only_training_images_with_a_perturbed_copy_are_perturbed() {
        let place = Place { x: 0, y: 0 };
        let square = Square { size: 1, place, pattern: SquarePattern::White, ..Square::default() };
        let settings = CleanLabelSettings { square, ..CleanLabelSettings::default() };
        let perturbed = Image { width: 2, height: 2, pixels: vec![50; 12] };
        let pictures = Pictures::from([(7, perturbed)]);
        let context = |index| StampContext {
            split: SplitName::Train,
            index,
            seed: Seed(0),
            pictures: &pictures,
        };
        let mut poisoned = Image::new(2, 2);
        CleanLabel.poison(&mut poisoned, &settings, &context(7));
        assert_eq!((poisoned.get(0, 0), poisoned.get(1, 1)), ([255; 3], [50; 3]));
        let mut other = Image::new(2, 2);
        CleanLabel.poison(&mut other, &settings, &context(8));
        assert_eq!((other.get(0, 0), other.get(1, 1)), ([255; 3], [0; 3]));
        let mut stamped = Image::new(2, 2);
        CleanLabel.stamp(&mut stamped, &settings, &context(7));
        assert_eq!(stamped, other, "a test image gets the square alone");
    }
}
