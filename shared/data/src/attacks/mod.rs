//! The attacks. To add one, write a file here, its `mod` line and a line in [`ATTACKS`].

mod adaptive;
mod all_target;
mod badnets;
mod blend;
mod clean_label;
mod custom;
mod error;
mod place;
mod refool;
mod sig;
mod square;
mod trojan;
mod typed;

pub use adaptive::AdaptiveSettings;
pub use blend::{BlendSettings, Noise};
pub use clean_label::CleanLabelSettings;
pub use custom::CustomSettings;
pub use error::AttackError;
pub use place::{Area, Place};
pub use refool::{RefoolSettings, Relabelling};
pub use sig::SigSettings;
pub use square::{Square, SquarePattern};
pub use trojan::{Background, Mode, TrojanSettings};
pub use typed::TypedAttack;

use crate::datasets::SplitName;
use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::seed::{Seed, Stream};
use crate::settings::SettingsError;
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
/// # Examples
///
/// ```
/// use unstamp_data::attacks::attack;
/// use unstamp_data::method::Values;
///
/// let badnets = attack("badnets").expect("it is listed");
/// let area = badnets.area(&Values::default(), 32, 32).expect("its trigger is local");
/// assert_eq!((area.x, area.y, area.width, area.height), (29, 29, 3, 3));
/// assert!(attack("badnet").is_none());
/// ```
pub fn attack(id: &str) -> Option<&'static dyn Attack> {
    ATTACKS.iter().copied().find(|attack| attack.method().id == id)
}

/// Which training images are poisoned, and whether they keep their label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// Images of all classes, relabelled.
    Dirty,
    /// Images of the target class only; labels stay.
    Clean,
}

/// The kind of pictures that an attack needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// No pictures.
    Nothing,
    /// Pictures of other scenes, for training and test images: see [`crate::poison::reflections`].
    Reflections,
    /// Perturbed copies of the training images to be poisoned, by their index in the training set; test
    /// images need none.
    Perturbed,
}

/// Pictures by number.
pub type Pictures = BTreeMap<usize, Image>;

/// Rates of a victim in a paper, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reported {
    /// Id of the data set.
    pub dataset: &'static str,
    /// Clean accuracy.
    pub acc: f64,
    /// Attack success rate.
    pub asr: f64,
}

/// The inputs of a trigger besides the image and the settings.
#[derive(Clone, Copy)]
pub struct StampContext<'a> {
    /// The split that the image is from: an attack plants in training images and stamps test images.
    pub split: SplitName,
    /// Place of the image in its split; some triggers differ from image to image.
    pub index: usize,
    /// Seed of the attack's random streams.
    pub seed: Seed,
    /// The pictures that [`Attack::needs`] asks for.
    pub pictures: &'a Pictures,
}

impl StampContext<'_> {
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

#[cfg(test)]
impl StampContext<'static> {
    /// The context of test image `index`, with seed 0 and without pictures.
    fn of_test_image(index: usize) -> Self {
        static NONE: Pictures = BTreeMap::new();
        Self { split: SplitName::Test, index, seed: Seed(0), pictures: &NONE }
    }
}

/// A trigger and the rule by which it is planted. All pixel arithmetic saturates. Every
/// [`TypedAttack`] is one.
pub trait Attack: Sync {
    /// Its id, title, paper and summary.
    fn method(&self) -> Method;

    /// Its parameters with ranges, defaults and help.
    fn params(&self) -> Vec<Param>;

    /// The training images that it poisons with these values.
    ///
    /// # Errors
    ///
    /// A key is no parameter, or a value is not accepted.
    fn labels(&self, values: &Values) -> Result<Labels, SettingsError>;

    /// The kind of pictures that it needs.
    fn needs(&self) -> Needs;

    /// Share of all training images poisoned in the NAD paper (table 3).
    fn default_rate(&self) -> f64;

    /// Rates of a victim in the NAD paper (table 3), if the paper reports them.
    fn reported(&self) -> Option<Reported>;

    /// The label the attack wants for an image of class `label`.
    fn wanted(&self, label: usize, target: usize, classes: usize) -> usize;

    /// Checks the values, and whether the trigger suits the size of the images.
    ///
    /// # Errors
    ///
    /// The values are not valid, or the trigger does not suit images of `width x height` pixels.
    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), AttackError>;

    /// Puts the trigger on an image at test time. With values that are not valid the image stays.
    fn stamp(&self, image: &mut Image, values: &Values, context: &StampContext);

    /// Changes a training image that is poisoned. This is [`Attack::stamp`], but the attack `clean_label`
    /// also perturbs the image. With values that are not valid the image stays.
    fn poison(&self, image: &mut Image, values: &Values, context: &StampContext);

    /// The pixels a local trigger covers; `None` for one that covers the whole image, and for values
    /// that are not valid. An attack with an area has integer parameters `x` and `y`, so a page can
    /// drag it.
    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// Whether the defaults of `S` are the same after they were values.
    fn survives<S: Settings + PartialEq + std::fmt::Debug>() {
        let settings = S::default();
        assert_eq!(S::from_values(&settings.to_values()), Ok(settings));
    }

    #[test]
    fn the_defaults_of_these_settings_survive_values() {
        survives::<Square>();
        survives::<TrojanSettings>();
        survives::<BlendSettings>();
        survives::<CleanLabelSettings>();
        survives::<SigSettings>();
        survives::<RefoolSettings>();
        survives::<AdaptiveSettings>();
        survives::<CustomSettings>();
    }

    #[test]
    fn the_defaults_of_every_attack_are_its_resolved_values() {
        for attack in ATTACKS {
            let params = attack.params();
            let resolved = Values::default().resolve(&params).expect("sound defaults");
            assert_eq!(
                resolved,
                Values::default().with_defaults(&params),
                "{}",
                attack.method().id
            );
        }
    }

    #[test]
    fn built_in_pictures_are_pictures() {
        assert!(TrojanSettings::default().square.is_some());
        assert!(CustomSettings::default().picture.is_some());
    }
}
