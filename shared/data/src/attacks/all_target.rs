//! BadNets' square, but every class is sent to the next one.

use super::Attack;
use super::badnets::BadNets;
use crate::method::{Method, Param};

/// NAD appendix H: label `i` becomes `(i + 1) mod K`; the target label plays no part.
pub struct AllTarget;

impl Attack for AllTarget {
    fn method(&self) -> Method {
        Method {
            id: "all_target",
            title: "All-target",
            paper: "Gu et al. 2017; NAD appendix H, figure 10",
            summary: "BadNets' square; a poisoned image gets the class after its own.",
        }
    }

    fn params(&self) -> Vec<Param> {
        BadNets.params()
    }

    fn default_rate(&self) -> f64 {
        BadNets.default_rate()
    }

    fn wanted(&self, label: usize, _target: usize, classes: usize) -> usize {
        (label + 1) % classes
    }

    fn stamps_like(&self) -> Option<&'static dyn Attack> {
        Some(&BadNets)
    }
}
