//! Triggers, and the choice of the training images that are poisoned. The choice depends on labels, attack
//! and seed only.

mod error;
mod signs;

pub use error::PoisonError;
pub use signs::{sign_reflections, sign_trigger};

use crate::attacks::{ATTACKS, Attack, AttackError, Labels, Needs, Pictures, StampContext, attack};
use crate::datasets::{Split, SplitName};
use crate::image::Image;
use crate::method::Values;
use crate::seed::Seed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The images of which the poisoning rate is a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateOf {
    /// All training images.
    #[default]
    All,
    /// The images of the target class.
    Class,
}

/// The images from which a dirty-label attack chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Images of all classes.
    #[default]
    AnyClass,
    /// Only images whose label the attack would change.
    NonTarget,
}

/// The attack that a model was trained with. Together with the pictures that the attack needs it gives
/// the same trigger again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerRecord {
    /// Id of the attack.
    pub attack: String,
    /// Its parameters; those that are missing have their defaults.
    pub set: Values,
    /// The target class.
    pub target: usize,
    /// Seed of the attack's random streams.
    pub seed: u64,
}

/// A trigger ready to be stamped: an attack with resolved parameters, target, seed and pictures.
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use unstamp_data::image::Image;
/// use unstamp_data::method::Values;
/// use unstamp_data::poison::{Trigger, TriggerRecord};
///
/// let set = Values::parse(["pattern=white"])?;
/// let record = TriggerRecord { attack: "badnets".into(), set, target: 4, seed: 0 };
/// let trigger = Trigger::new(&record, 10, (32, 32), Arc::default())?;
///
/// let mut image = Image::new(32, 32);
/// trigger.stamp(&mut image, 0);
/// assert_eq!(image.get(29, 31), [255; 3]);
/// assert_eq!(image.get(28, 31), [0; 3], "the square has 3x3 pixels");
/// assert_eq!(trigger.wanted(7), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Trigger {
    /// The attack that stamps it.
    pub attack: &'static dyn Attack,
    /// Every parameter of the attack.
    pub values: Values,
    /// The target class.
    pub target: usize,
    /// Number of classes.
    pub classes: usize,
    /// Seed of the attack's random streams.
    pub seed: Seed,
    /// Pictures by number, of the kind that [`Attack::needs`] names: scenes to reflect, or perturbed
    /// copies by the index of their training image. Empty if the attack needs none.
    pub pictures: Arc<Pictures>,
    labels: Labels,
}

impl std::fmt::Debug for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} target {}", self.attack.method().id, self.values, self.target)
    }
}

impl Trigger {
    /// Resolves a record for images of `size` (width, height) and `classes` classes, with the
    /// pictures its attack needs.
    ///
    /// # Errors
    ///
    /// The record does not suit the attack, the classes or the images, or there are no pictures.
    pub fn new(
        record: &TriggerRecord,
        classes: usize,
        size: (usize, usize),
        pictures: Arc<Pictures>,
    ) -> Result<Self, PoisonError> {
        let TriggerRecord { attack: id, set, target, seed } = record;
        let attack = attack(id).ok_or_else(|| {
            let known = ATTACKS.iter().map(|a| a.method().id).collect();
            PoisonError::UnknownAttack { id: id.clone(), known }
        })?;
        let refused = |reason: AttackError| PoisonError::Attack { id: id.clone(), reason };
        let values = set.resolve(&attack.params()).map_err(|e| refused(e.into()))?;
        attack.check(&values, size.0, size.1).map_err(refused)?;
        if *target >= classes {
            return Err(PoisonError::Target { target: *target, classes });
        }
        if attack.needs() == Needs::Reflections && pictures.is_empty() {
            return Err(PoisonError::NoReflections { id: id.clone() });
        }
        let labels = attack.labels(&values).map_err(|e| refused(e.into()))?;
        let seed = Seed(*seed);
        Ok(Self { attack, values, target: *target, classes, seed, pictures, labels })
    }

    /// The record of this trigger, to be stored with a model: attack, every parameter, target class and seed,
    /// without pictures.
    pub fn record(&self) -> TriggerRecord {
        TriggerRecord {
            attack: self.attack.method().id.to_string(),
            set: self.values.clone(),
            target: self.target,
            seed: self.seed.0,
        }
    }

    /// The label the attack wants for an image of class `label`.
    pub fn wanted(&self, label: usize) -> usize {
        self.attack.wanted(label, self.target, self.classes)
    }

    /// Which training images are poisoned, and whether they keep their label.
    pub fn labels(&self) -> Labels {
        self.labels
    }

    fn context(&self, split: SplitName, index: usize) -> StampContext<'_> {
        StampContext { split, index, seed: self.seed, pictures: &self.pictures }
    }

    /// Puts the trigger on a test image.
    pub fn stamp(&self, image: &mut Image, index: usize) {
        self.attack.stamp(image, &self.values, &self.context(SplitName::Test, index));
    }

    /// Puts the trigger on a training image, for defences that know it. A trigger that differs from
    /// image to image is another one than on test images.
    pub fn stamp_training(&self, image: &mut Image, index: usize) {
        self.attack.stamp(image, &self.values, &self.context(SplitName::Train, index));
    }

    /// Changes a training image that is poisoned.
    ///
    /// # Errors
    ///
    /// The attack needs a perturbed copy of the image, and there is none.
    pub fn poison(&self, image: &mut Image, index: usize) -> Result<(), PoisonError> {
        if self.attack.needs() == Needs::Perturbed && !self.pictures.contains_key(&index) {
            let id = self.attack.method().id;
            return Err(PoisonError::NotPerturbed { id, index });
        }
        self.attack.poison(image, &self.values, &self.context(SplitName::Train, index));
        Ok(())
    }
}

/// Number of pictures [`reflections`] chooses, as many as the public code of Refool keeps.
pub const REFLECTIONS: usize = 200;

/// Indices of the training images that Refool reflects if the user gives no pictures: a function of the
/// number of images and the seed.
pub fn reflections(images: usize, seed: Seed) -> Vec<usize> {
    let mut order = seed.stream("reflections", &[]).permutation(images);
    order.truncate(REFLECTIONS);
    order
}

/// Training images chosen for poisoning, ascending.
///
/// `rate` counts against all images or within the target class; clean-label attacks always
/// choose from the target class.
///
/// # Errors
///
/// The rate is not a share, or it asks for no image or for more images than can be poisoned.
pub fn select(
    labels: &[u16],
    trigger: &Trigger,
    rate: f64,
    rate_of: RateOf,
    draw: Draw,
) -> Result<Vec<usize>, PoisonError> {
    if !(rate > 0.0 && rate <= 1.0) {
        return Err(PoisonError::Rate(rate));
    }
    let clean = trigger.labels() == Labels::Clean;
    let eligible: Vec<usize> = (0..labels.len())
        .filter(|&i| {
            let label = usize::from(labels[i]);
            match (clean, draw) {
                (true, _) => label == trigger.target,
                (false, Draw::NonTarget) => trigger.wanted(label) != label,
                (false, Draw::AnyClass) => true,
            }
        })
        .collect();
    let base = match rate_of {
        RateOf::All => labels.len(),
        RateOf::Class => labels.iter().filter(|&&l| usize::from(l) == trigger.target).count(),
    };
    let count = (rate * base as f64).round() as usize;
    if count == 0 {
        return Err(PoisonError::None { rate });
    }
    if count > eligible.len() {
        return Err(PoisonError::TooMany { rate, count, eligible: eligible.len() });
    }
    let order = trigger.seed.stream("poison", &[]).permutation(eligible.len());
    let mut chosen: Vec<usize> = order[..count].iter().map(|&i| eligible[i]).collect();
    chosen.sort_unstable();
    Ok(chosen)
}

/// The poisoned training set: `chosen` images with the trigger and, for dirty-label attacks,
/// another label.
///
/// # Errors
///
/// As [`Trigger::poison`].
pub fn poison(split: &Split, trigger: &Trigger, chosen: &[usize]) -> Result<Split, PoisonError> {
    let mut split = split.clone();
    for &i in chosen {
        let mut image = split.image(i);
        trigger.poison(&mut image, i)?;
        split.set_image(i, &image);
        if trigger.labels() == Labels::Dirty {
            split.labels[i] = trigger.wanted(usize::from(split.labels[i])) as u16;
        }
    }
    Ok(split)
}

/// The default share of the training images that a defence gets: 5 %, as in the papers.
pub const CLEAN_SHARE: f64 = 0.05;

/// Number of images of the clean subset: `share` of `images`, and at least one if there are any.
pub fn clean_count(images: usize, share: f64) -> usize {
    ((share * images as f64).round() as usize).clamp(1.min(images), images)
}

/// The clean subset: the first `share` of one random order of all training images, so smaller
/// shares are nested in larger ones. Depends on (number of images, share, seed) only.
pub fn clean_subset(images: usize, share: f64, seed: Seed) -> Vec<usize> {
    let mut order = seed.stream("clean-subset", &[]).permutation(images);
    order.truncate(clean_count(images, share));
    order
}

#[cfg(test)]
mod tests;
