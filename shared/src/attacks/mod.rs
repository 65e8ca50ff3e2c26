//! The attacks. Adding one is one file here and one line in [`ATTACKS`].

mod badnets;

use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::seed::Seed;
use serde::Serialize;

/// Every attack there is, in the papers' order.
pub static ATTACKS: &[&dyn Attack] = &[&badnets::BadNets];

/// The attack with this id.
pub fn attack(id: &str) -> Option<&'static dyn Attack> {
    ATTACKS.iter().copied().find(|attack| attack.method().id == id)
}

/// Which training images an attack poisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// Images of all classes, relabelled.
    Dirty,
    /// Images of the target class only; labels stay.
    Clean,
}

/// Where a local trigger lies, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// A trigger and the rule by which it is planted. All pixel arithmetic saturates; `values` are
/// resolved against [`Attack::params`].
pub trait Attack: Sync {
    fn method(&self) -> Method;

    fn params(&self) -> Vec<Param>;

    fn labels(&self) -> Labels {
        Labels::Dirty
    }

    /// Share of all training images poisoned in the NAD paper (table 3).
    fn default_rate(&self) -> f64;

    /// The label the attack wants for an image of class `label`.
    fn wanted(&self, _label: usize, target: usize, _classes: usize) -> usize {
        target
    }

    /// Checks what only the image size can tell.
    fn check(&self, _values: &Values, _width: usize, _height: usize) -> Result<(), String> {
        Ok(())
    }

    /// Puts the trigger on image `index` at test time.
    fn stamp(&self, image: &mut Image, values: &Values, index: usize, seed: Seed);

    /// What training image `index` becomes; differs from [`Attack::stamp`] for clean-label attacks.
    fn poison(&self, image: &mut Image, values: &Values, index: usize, seed: Seed) {
        self.stamp(image, values, index, seed);
    }

    /// The pixels a local trigger covers; `None` for one that covers the whole image. An attack
    /// with an area has integer parameters `x` and `y`, so a page can drag it.
    fn area(&self, _values: &Values, _width: usize, _height: usize) -> Option<Area> {
        None
    }
}
