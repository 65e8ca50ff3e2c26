//! BadNets: a small square pasted onto the image. Every attack has the form of this file.

use super::{Area, AttackError, Reported, Square, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;

/// The 3x3 checkerboard at the bottom right of [Gu et al. (2017)](https://arxiv.org/abs/1708.06733), as
/// in NAD section 4.1 and table 3.
pub struct BadNets;

impl TypedAttack for BadNets {
    type Settings = Square;

    fn method(&self) -> Method {
        Method {
            id: "badnets",
            title: "BadNets",
            paper: "Gu et al. 2017; NAD section 4.1, table 3",
            summary: "A 3x3 checkerboard in the bottom right corner; poisoned images get the target label.",
        }
    }

    fn default_rate(&self) -> f64 {
        0.1
    }

    fn reported(&self) -> Option<Reported> {
        Some(Reported { dataset: "cifar10", acc: 85.65, asr: 100.0 })
    }

    fn check(&self, square: &Square, width: usize, height: usize) -> Result<(), AttackError> {
        square.check(width, height)
    }

    fn area(&self, square: &Square, width: usize, height: usize) -> Option<Area> {
        Some(square.area(width, height))
    }

    fn stamp(&self, image: &mut Image, square: &Square, _context: &StampContext) {
        square.stamp(image);
    }
}
