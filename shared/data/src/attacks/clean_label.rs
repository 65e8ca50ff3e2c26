//! Clean-label: BadNets' square on images whose own class is made hard to see.

use super::badnets::BadNets;
use super::{Attack, Ink, Labels, Needs, Reported};
use crate::image::Image;
use crate::method::{Method, Param, Values};

/// Turner et al. (2019) as in NAD section 4.1, appendix A: images of the target class are first
/// perturbed by PGD within an L-infinity ball of radius eps = 0.15 on a separately trained model
/// (`craft::clean_label` makes them), so that only the square tells their class; labels stay. At
/// test time there is the square alone.
///
/// The public variant uses `eps = 0.0314` (8/255) and a robust model.
pub struct CleanLabel;

impl Attack for CleanLabel {
    fn method(&self) -> Method {
        Method {
            id: "clean_label",
            title: "Clean-label",
            paper: "Turner et al. 2019; NAD section 4.1, table 3",
            summary: "BadNets' square on adversarially perturbed images of the target class; labels stay.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = BadNets.params();
        let made = [
            Param::float("eps", "radius of the perturbation, of the range 0..1", 0.0, 1.0, 0.15),
            Param::int("steps", "steps of projected gradient descent", 1, 1000, 20),
            Param::float("step", "length of a step as a share of eps", 0.0, 1.0, 0.15),
        ];
        params.extend(made.map(Param::planting));
        params
    }

    fn labels(&self, _values: &Values) -> Labels {
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

    fn stamps_like(&self) -> Option<&'static dyn Attack> {
        Some(&BadNets)
    }

    fn poison(&self, image: &mut Image, ink: &Ink) {
        if let Some(perturbed) = ink.pictures.get(&ink.index) {
            image.clone_from(perturbed);
        }
        self.stamp(image, ink);
    }
}
