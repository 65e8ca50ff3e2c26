//! BadNets' square, but every class is sent to the next one.

use super::badnets::BadNets;
use super::{Area, AttackError, Square, StampContext, TypedAttack};
use crate::image::Image;
use crate::method::Method;

/// [NAD](https://arxiv.org/abs/2101.05930) appendix H: label `i` becomes `(i + 1) mod K`; the target
/// label has no effect. The attack is from [Gu et al. (2017)](https://arxiv.org/abs/1708.06733).
pub struct AllTarget;

impl TypedAttack for AllTarget {
    type Settings = Square;

    fn method(&self) -> Method {
        Method {
            id: "all_target",
            title: "All-target",
            paper: "Gu et al. 2017; NAD appendix H, figure 10",
            summary: "BadNets' square; a poisoned image gets the class after its own.",
        }
    }

    fn default_rate(&self) -> f64 {
        BadNets.default_rate()
    }

    fn wanted(&self, label: usize, _target: usize, classes: usize) -> usize {
        (label + 1) % classes.max(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_becomes_the_next_and_the_last_the_first() {
        for target in [0, 2] {
            let wanted: Vec<usize> =
                (0..4).map(|label| AllTarget.wanted(label, target, 4)).collect();
            assert_eq!(wanted, [1, 2, 3, 0], "target {target} has no effect");
        }
    }
}
