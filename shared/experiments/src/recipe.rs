//! A recipe is an experiment in one TOML file: victims, defences and seeds. It stands for a list of
//! [`Cell`]s, one for each model.

mod cell;
mod check;
mod digest;
mod erasure;
mod error;
mod sweep;
mod victim;

pub use cell::{Cell, ImageLimits, Surrogate, VictimWeights};
pub use digest::{DigestError, WeightsDigest};
pub use erasure::Erasure;
pub use error::RecipeError;
pub use sweep::setting_name;
pub use victim::{Victim, VictimId};

pub(crate) use check::is_plain;

use crate::job::Training;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sweep::expanded;
use unstamp_data::datasets::ImageSize;
use unstamp_data::poison::CLEAN_SHARE;
use unstamp_data::seed::hex;
use unstamp_networks::model::DEFAULT_ARCH;

/// A whole experiment: every victim with every defence and every seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the recipe, its file and its results folder.
    pub name: String,
    /// Purpose of the experiment, the paper and table that it repeats, and its duration. It does not count
    /// for [`Recipe::hash`].
    #[serde(default)]
    pub about: String,
    /// Id of the data set.
    pub dataset: String,
    /// Remark that is printed with every number, such as "JPEG copy".
    #[serde(default)]
    pub data_note: String,
    /// Size to which images are brought: `64` or `[64, 48]` (width and height). Without it images
    /// have the size that is usual for the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<ImageSize>,
    /// Architecture of the victims, such as `wrn-16-1`.
    #[serde(default = "default_arch")]
    pub arch: String,
    /// Every cell is run once for each seed.
    #[serde(default = "default_seeds")]
    pub seeds: Vec<u64>,
    /// Share of the training set that the defences get.
    #[serde(default = "default_fraction")]
    pub clean_fraction: f64,
    /// Run the defences on models without attack too, except those that need a trigger. This shows
    /// what harm a defence does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erase_clean: bool,
    /// Measure models only when they are finished, not after every epoch. For a small network the
    /// measurements take longer than the training.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_curves: bool,
    /// Use only this many training images, from the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_images: Option<usize>,
    /// Use only this many test images, from the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_images: Option<usize>,
    /// Keep this many training images from attack and defences: those behind the first
    /// `train_images`, or images spread over all. Every model is measured on them, so that settings
    /// can be chosen without test images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_images: Option<usize>,
    /// How the victims are trained.
    pub train: Training,
    /// The models to attack, or to train without attack.
    #[serde(rename = "victim")]
    pub victims: Vec<Victim>,
    /// A `[[defence]]` may stand for several: `clean = [0.01, 0.05]` and `grid = { lr = [0.1, 0.01] }`
    /// give one for every combination.
    #[serde(default, rename = "defence", deserialize_with = "expanded")]
    pub defences: Vec<Erasure>,
}

fn default_arch() -> String {
    DEFAULT_ARCH.to_string()
}

fn default_seeds() -> Vec<u64> {
    vec![0]
}

fn default_fraction() -> f64 {
    CLEAN_SHARE
}

/// The most cells that a recipe may have. The papers' tables have about a hundred.
pub const MOST_CELLS: usize = 100_000;

impl Recipe {
    /// Reads and checks a recipe, and fills in the parameters of every method.
    ///
    /// # Errors
    /// The text is no TOML, lacks a key, or holds a value that is not allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use unstamp_experiments::recipe::Recipe;
    ///
    /// let text = r#"
    ///     name = "example"
    ///     dataset = "signs"
    ///     train = { epochs = 2, lr = 0.1, schedule = { kind = "cosine" } }
    ///     [[victim]]
    ///     id = "badnets"
    ///     attack = "badnets"
    ///     [[defence]]
    ///     id = "nad"
    ///     method = "nad"
    ///     grid = { beta = [0, 2] }
    /// "#;
    /// let names: Vec<String> = Recipe::parse(text)?.cells().iter().map(|cell| cell.name()).collect();
    /// assert_eq!(names, ["s0-badnets", "s0-badnets-nad_beta0", "s0-badnets-nad_beta2"]);
    ///
    /// let error = Recipe::parse(&text.replace("signs", "sings")).expect_err("a misspelt name");
    /// assert_eq!(error.to_string(), "dataset = 'sings' is not known; see unstamp list");
    /// # Ok::<(), unstamp_experiments::recipe::RecipeError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let mut recipe: Recipe = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| text[..s.start].matches('\n').count() + 1);
            RecipeError::Syntax { line, message: e.message().to_string() }
        })?;
        recipe.resolve()?;
        Ok(recipe)
    }

    /// First 12 hexadecimal digits of the SHA-256 of the resolved recipe without `about`. Comments do
    /// not count either.
    pub fn hash(&self) -> String {
        hash_of(&Recipe { about: String::new(), ..self.clone() })
    }

    /// Whether results with this recipe hash belong to the recipe. Earlier versions included
    /// `about` in the hash; their results stay valid as long as `about` is unchanged.
    pub fn accepts_hash(&self, hash: &str) -> bool {
        hash == self.hash() || hash == hash_of(self)
    }

    /// Every cell; a victim stands before the cells that erase its backdoor.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &seed in &self.seeds {
            for victim in &self.victims {
                cells.push(self.cell(seed, victim, None));
                let defences = self.defences.iter().filter(|erasure| match victim.attack {
                    Some(_) => true,
                    None => self.erase_clean && !erasure.needs_trigger(),
                });
                cells.extend(defences.map(|erasure| self.cell(seed, victim, Some(erasure))));
            }
        }
        cells
    }

    fn cell(&self, seed: u64, victim: &Victim, erasure: Option<&Erasure>) -> Cell {
        let surrogate = victim.surrogate.as_ref();
        let surrogate = surrogate.and_then(|id| self.victims.iter().find(|v| v.id == id.0));
        let weights = match &victim.model {
            Some(digest) => VictimWeights::Given(digest.clone()),
            None => VictimWeights::Trained(self.train.clone()),
        };
        Cell {
            dataset: self.dataset.clone(),
            image_size: self.image_size,
            arch: self.arch.clone(),
            weights,
            victim: victim.clone(),
            surrogate: surrogate.map(|victim| Surrogate::Victim(Box::new(victim.clone()))),
            erasure: erasure.cloned(),
            clean_fraction: self.clean_fraction,
            seed,
            limits: ImageLimits {
                train: self.train_images,
                test: self.test_images,
                validation: self.validation_images,
            },
        }
    }
}

/// First 12 hexadecimal digits of the SHA-256 of a record's JSON.
fn hash_of(record: &impl Serialize) -> String {
    let json = serde_json::to_vec(record).expect("records are plain data");
    hex(&Sha256::digest(json))[..12].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "cells"
dataset = "signs"
seeds = [3, 1]
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "clean"
[[victim]]
id = "attacked"
attack = "badnets"
[[defence]]
id = "tuned"
method = "fine_tune"
[[defence]]
id = "told"
method = "retrain"
"#;

    fn names(text: &str) -> Vec<String> {
        let recipe = Recipe::parse(text).expect("sound");
        recipe.cells().iter().map(Cell::name).collect()
    }

    #[test]
    fn cells_stand_by_seed_and_victim() {
        let of_seed = |seed: u8| {
            ["clean", "attacked", "attacked-tuned", "attacked-told"]
                .map(|name| format!("s{seed}-{name}"))
        };
        assert_eq!(names(TEXT), [of_seed(3), of_seed(1)].concat());
    }

    #[test]
    fn a_recipe_without_end_is_refused() {
        let values: Vec<String> = (0..100).map(|value| value.to_string()).collect();
        let list = values.join(",");
        let grid = format!(
            "set = {{}}\ngrid = {{ epochs = [{list}], batch = [{list}], beta = [{list}] }}"
        );
        let refused = |text: String| Recipe::parse(&text).expect_err("refused").to_string();
        let error = refused(TEXT.replace("id = \"told\"", &format!("id = \"told\"\n{grid}")));
        assert!(error.contains("more than 100000 combinations"), "{error}");
        let seeds: Vec<String> = (0..30_000).map(|seed| seed.to_string()).collect();
        let error = refused(TEXT.replace("[3, 1]", &format!("[{}]", seeds.join(","))));
        assert_eq!(error, RecipeError::TooMany.to_string());
        assert_eq!(refused(TEXT.replace("[3, 1]", "[3, 1, 3]")), "seed 3 is given twice");
    }

    #[test]
    fn a_clean_model_is_erased_only_without_a_trigger() {
        let names = names(&TEXT.replace("seeds = [3, 1]", "erase_clean = true"));
        let clean: Vec<&str> = names.iter().filter_map(|n| n.strip_prefix("s0-clean-")).collect();
        assert_eq!(clean, ["tuned"], "retraining knows the trigger");
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let line = |from: &str, to: &str| match Recipe::parse(&TEXT.replacen(from, to, 1)) {
            Err(RecipeError::Syntax { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("seeds = [3, 1]", "seeds = 3"), 4);
        assert_eq!(line("seeds = [3, 1]", "seed = [3, 1]"), 4);
        assert_eq!(line("\nattack =", "\natack ="), 10);
    }

    #[test]
    fn a_recipe_needs_a_seed_and_unique_ids() {
        let fault = |from: &str, to: &str| Recipe::parse(&TEXT.replacen(from, to, 1)).err();
        assert_eq!(fault("[3, 1]", "[]"), Some(RecipeError::Empty));
        let twice = |id: &str| Some(RecipeError::Twice(id.to_string()));
        assert_eq!(fault("\"attacked\"", "\"clean\""), twice("clean"));
        assert_eq!(fault("\"attacked\"", "\"tuned\""), twice("tuned"), "file names hold both ids");
        // `clean` in a model file means a model without a backdoor.
        assert_eq!(fault("\"tuned\"", "\"clean\""), Some(RecipeError::Role("clean".to_string())));
    }

    #[test]
    fn missing_keys_have_their_defaults() {
        let recipe = Recipe::parse(&TEXT.replace("seeds = [3, 1]\n", "")).expect("sound");
        assert_eq!((&recipe.arch[..], &recipe.seeds[..]), (DEFAULT_ARCH, &[0][..]));
        assert_eq!(recipe.clean_fraction, CLEAN_SHARE);
        let set = &recipe.defences[0].set;
        assert!(set.0.contains_key("epochs"), "every parameter of a method is filled in: {set:?}");
    }
}
