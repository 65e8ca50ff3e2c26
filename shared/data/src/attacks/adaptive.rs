//! BadNets' square where the network looks anyway: in the middle.

use super::Attack;
use super::badnets::{self, BadNets};
use crate::method::{Method, Param};

/// NAD appendix K: the square near the centre of the image, its pixel values multiplied by
/// alpha = `scale` in {0.2, 0.5, 0.8, 1} before they replace the image's.
///
/// The paper says "center region"; the square begins at column and row 14 of 32, so that it lies
/// around the very centre. The public code puts it at 18 (`x = 18, y = 18`).
pub struct Adaptive;

impl Attack for Adaptive {
    fn method(&self) -> Method {
        Method {
            id: "adaptive",
            title: "Adaptive centre",
            paper: "NAD appendix K, table 9, figure 14",
            summary: "BadNets' square in the centre, darkened by scale, so that attention need not move.",
        }
    }

    fn params(&self) -> Vec<Param> {
        badnets::params(14)
    }

    fn default_rate(&self) -> f64 {
        BadNets.default_rate()
    }

    fn stamps_like(&self) -> Option<&'static dyn Attack> {
        Some(&BadNets)
    }
}
