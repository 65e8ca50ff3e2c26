//! The attacks. Adding one is one file here and one line in [`ATTACKS`].

mod adaptive;
mod all_target;
mod badnets;
mod blend;
mod clean_label;
mod custom;
mod refool;
mod sig;
mod trojan;

use crate::datasets::SplitName;
use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::seed::{Seed, Stream};
use serde::Serialize;
use std::collections::BTreeMap;

/// Every attack there is, in the papers' order.
pub static ATTACKS: &[&dyn Attack] = &[
    &badnets::BadNets,
    &trojan::Trojan,
    &blend::Blend,
    &clean_label::CleanLabel,
    &sig::Sig,
    &refool::Refool,
    &all_target::AllTarget,
    &adaptive::Adaptive,
    &custom::Custom,
];

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

/// Pictures an attack cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    Nothing,
    /// Pictures of other scenes, to plant and to stamp: see [`crate::poison::reflections`].
    Reflections,
    /// Perturbed copies of the training images to be poisoned, by their index; only to plant.
    Perturbed,
}

/// Pictures by number.
pub type Pictures = BTreeMap<usize, Image>;

/// Where a local trigger lies, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Area {
    /// A box of `size` where the parameters `x` and `y` say, kept inside the image; -1 is flush
    /// with the right or bottom edge.
    fn placed(values: &Values, size: (usize, usize), width: usize, height: usize) -> Self {
        let size = (size.0.min(width), size.1.min(height));
        let place = |key, side: usize, all: usize| {
            usize::try_from(values.int(key)).unwrap_or(all).min(all - side)
        };
        let (x, y) = (place("x", size.0, width), place("y", size.1, height));
        Self { x, y, width: size.0, height: size.1 }
    }
}

/// Whether a box of `size` at the parameters `x` and `y` lies on the image.
fn fits(values: &Values, size: (usize, usize), width: usize, height: usize) -> Result<(), String> {
    for (key, own, all) in [("x", size.0, width), ("y", size.1, height)] {
        let at = usize::try_from(values.int(key)).unwrap_or(0);
        if at + own > all {
            return Err(format!(
                "a trigger of {own} pixels at {key} = {at} does not fit the {width}x{height} image"
            ));
        }
    }
    Ok(())
}

/// The parameters `x` and `y` of a local trigger.
fn place_params(x: i64, y: i64) -> [Param; 2] {
    [
        Param::int("x", "left edge; -1 is flush right", -1, 255, x),
        Param::int("y", "top edge; -1 is flush with the bottom", -1, 255, y),
    ]
}

/// Rates of a victim in a paper, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reported {
    pub dataset: &'static str,
    pub acc: f64,
    pub asr: f64,
}

/// What a trigger is made from besides the image it is put on.
#[derive(Clone, Copy)]
pub struct Ink<'a> {
    /// Resolved against [`Attack::params`].
    pub values: &'a Values,
    /// The split that the image is from: an attack plants in training images and stamps test images.
    pub split: SplitName,
    /// Place of the image in its split; some triggers differ from image to image.
    pub index: usize,
    pub seed: Seed,
    pub pictures: &'a Pictures,
}

impl Ink<'_> {
    /// The random stream called `name` of this image, at `place` after its index. Training image `i`
    /// and test image `i` have different streams: a trigger that differs from image to image must
    /// not come back at test time as it was learnt.
    pub fn stream(&self, name: &str, place: &[u64]) -> Stream {
        let place = [&[self.index as u64], place].concat();
        match self.split {
            SplitName::Train => self.seed.stream(&format!("{name}-train"), &place),
            SplitName::Test => self.seed.stream(name, &place),
        }
    }
}

/// A trigger and the rule by which it is planted. All pixel arithmetic saturates.
pub trait Attack: Sync {
    fn method(&self) -> Method;

    fn params(&self) -> Vec<Param>;

    fn labels(&self, _values: &Values) -> Labels {
        Labels::Dirty
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Share of all training images poisoned in the NAD paper (table 3).
    fn default_rate(&self) -> f64;

    /// What the NAD paper reports of a victim (table 3).
    fn reported(&self) -> Option<Reported> {
        None
    }

    /// The label the attack wants for an image of class `label`.
    fn wanted(&self, _label: usize, target: usize, _classes: usize) -> usize {
        target
    }

    /// The attack whose very trigger this one stamps; only what is done with it differs.
    fn stamps_like(&self) -> Option<&'static dyn Attack> {
        None
    }

    /// Checks what only the image size can tell.
    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), String> {
        self.stamps_like().map_or(Ok(()), |like| like.check(values, width, height))
    }

    /// Puts the trigger on an image at test time.
    fn stamp(&self, image: &mut Image, ink: &Ink) {
        if let Some(like) = self.stamps_like() {
            like.stamp(image, ink);
        }
    }

    /// What a training image becomes; differs from [`Attack::stamp`] for clean-label attacks.
    fn poison(&self, image: &mut Image, ink: &Ink) {
        self.stamp(image, ink);
    }

    /// The pixels a local trigger covers; `None` for one that covers the whole image. An attack
    /// with an area has integer parameters `x` and `y`, so a page can drag it.
    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area> {
        self.stamps_like()?.area(values, width, height)
    }
}
