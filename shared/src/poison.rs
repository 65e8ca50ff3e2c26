//! Which images are poisoned, and with which label: a pure function of data, attack and seed.

use crate::attacks::{Attack, Labels, attack};
use crate::datasets::Split;
use crate::image::Image;
use crate::method::Values;
use crate::seed::Seed;
use serde::{Deserialize, Serialize};

/// What the poisoning rate is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateOf {
    /// All training images.
    #[default]
    All,
    /// The images of the target class.
    Class,
}

/// Which classes a dirty-label attack draws from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    #[default]
    AnyClass,
    /// Only images whose label the attack would change.
    NonTarget,
}

/// The attack a model was trained under, enough to stamp the same trigger again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerRecord {
    pub attack: String,
    pub set: Values,
    pub target: usize,
    pub seed: u64,
}

/// A trigger ready to be stamped: an attack with resolved parameters, target and seed.
#[derive(Clone)]
pub struct Trigger {
    pub attack: &'static dyn Attack,
    pub values: Values,
    pub target: usize,
    pub classes: usize,
    pub seed: Seed,
}

impl std::fmt::Debug for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} target {}", self.attack.method().id, self.values, self.target)
    }
}

impl Trigger {
    /// Resolves an attack by name for images of `size` (width, height) and `classes` classes.
    pub fn new(
        id: &str,
        given: &Values,
        target: usize,
        classes: usize,
        size: (usize, usize),
        seed: Seed,
    ) -> Result<Self, String> {
        let attack = attack(id).ok_or_else(|| {
            let known: Vec<_> = crate::attacks::ATTACKS.iter().map(|a| a.method().id).collect();
            format!("there is no attack '{id}'; there are: {}", known.join(", "))
        })?;
        let values = given.resolve(&attack.params()).map_err(|e| format!("attack {id}: {e}"))?;
        attack.check(&values, size.0, size.1).map_err(|e| format!("attack {id}: {e}"))?;
        if target >= classes {
            return Err(format!(
                "target {target} is not a class: the data has classes 0 to {}",
                classes.saturating_sub(1)
            ));
        }
        Ok(Self { attack, values, target, classes, seed })
    }

    /// The label the attack wants for an image of class `label`.
    pub fn wanted(&self, label: usize) -> usize {
        self.attack.wanted(label, self.target, self.classes)
    }

    /// Puts the trigger on a test image.
    pub fn stamp(&self, image: &mut Image, index: usize) {
        self.attack.stamp(image, &self.values, index, self.seed);
    }
}

/// Training images chosen for poisoning, ascending.
///
/// `rate` counts against all images or within the target class; clean-label attacks always
/// choose from the target class.
pub fn select(
    labels: &[u16],
    trigger: &Trigger,
    rate: f64,
    rate_of: RateOf,
    draw: Draw,
) -> Result<Vec<usize>, String> {
    if !(rate > 0.0 && rate <= 1.0) {
        return Err(format!("the poisoning rate is {rate}; it must be above 0 and at most 1"));
    }
    let clean = trigger.attack.labels() == Labels::Clean;
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
    if count > eligible.len() {
        return Err(format!(
            "a rate of {rate} asks for {count} images, but only {} can be poisoned; lower the rate",
            eligible.len()
        ));
    }
    let order = trigger.seed.stream("poison", &[]).permutation(eligible.len());
    let mut chosen: Vec<usize> = order[..count].iter().map(|&i| eligible[i]).collect();
    chosen.sort_unstable();
    Ok(chosen)
}

/// The poisoned training set: `chosen` images stamped and, for dirty-label attacks, relabelled.
pub fn poison(split: &Split, trigger: &Trigger, chosen: &[usize]) -> Split {
    let mut split = split.clone();
    for &i in chosen {
        let mut image = split.image(i);
        trigger.attack.poison(&mut image, &trigger.values, i, trigger.seed);
        split.set_image(i, &image);
        if trigger.attack.labels() == Labels::Dirty {
            split.labels[i] = trigger.wanted(usize::from(split.labels[i])) as u16;
        }
    }
    split
}

/// The clean subset: the first `share` of one random order of all training images, so smaller
/// shares are nested in larger ones. Depends on (number of images, share, seed) only.
pub fn clean_subset(images: usize, share: f64, seed: Seed) -> Vec<usize> {
    let count = ((share * images as f64).round() as usize).clamp(1.min(images), images);
    let mut order = seed.stream("clean-subset", &[]).permutation(images);
    order.truncate(count);
    order
}
