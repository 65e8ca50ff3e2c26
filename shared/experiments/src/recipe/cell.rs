//! One model of an experiment, with everything that decides its weights.

use super::{Erasure, Victim, VictimId, WeightsDigest, hash_of};
use crate::job::Training;
use serde::Serialize;
use serde_json::{Value, json};
use unstamp_data::datasets::ImageSize;

/// One model to train or to erase a backdoor from. It holds everything that decides the outcome, so
/// that it needs no recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Id of the data set.
    pub dataset: String,
    /// Size to which the images are brought, where it is not the usual one of the data set.
    pub image_size: Option<ImageSize>,
    /// Architecture, such as `wrn-16-1`.
    pub arch: String,
    /// Where the victim's weights come from.
    pub weights: VictimWeights,
    /// The victim.
    pub victim: Victim,
    /// The model with which the victim's attack is made.
    pub surrogate: Option<Surrogate>,
    /// The defence that erases the backdoor; `None` for the victim itself.
    pub erasure: Option<Erasure>,
    /// Share of the training set that the defence gets, unless the erasure has its own.
    pub clean_fraction: f64,
    /// Seed of all random choices.
    pub seed: u64,
    /// Which images are used.
    pub limits: ImageLimits,
}

/// Where the victim's weights come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum VictimWeights {
    /// The victim is trained like this.
    Trained(Training),
    /// The victim is a finished model with this digest.
    Given(WeightsDigest),
}

/// The model with which an attack makes its artefact.
#[derive(Clone, Debug, PartialEq)]
pub enum Surrogate {
    /// Another victim of the recipe, without attack, trained with the same seed.
    Victim(Box<Victim>),
    /// A finished model with this digest; its artefact exists already.
    Given(WeightsDigest),
}

/// How many images of a data set are used; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImageLimits {
    /// Training images, from the front.
    pub train: Option<usize>,
    /// Test images, from the front.
    pub test: Option<usize>,
    /// Training images that are kept from attack and defences, to choose settings by.
    pub validation: Option<usize>,
}

impl ImageLimits {
    /// The training images as the hash records them. Images kept for validation change the training
    /// set only where they are taken out of it.
    fn trained_on(&self) -> Value {
        match (self.train, self.validation) {
            (None, Some(validation)) => json!({ "without": validation }),
            (front, _) => json!(front),
        }
    }
}

impl Cell {
    /// File name of the result, without ending: `s0-victim` or `s0-victim-defence`.
    pub fn name(&self) -> String {
        let victim = format!("s{}-{}", self.seed, self.victim.id);
        match &self.erasure {
            Some(erasure) => format!("{victim}-{}", erasure.id),
            None => victim,
        }
    }

    /// The cell of the victim that this cell erases from; the cell itself where it erases nothing.
    pub fn victim_cell(&self) -> Cell {
        Cell { erasure: None, ..self.clone() }
    }

    /// The cell of the surrogate, where that is a victim of the same recipe.
    pub fn surrogate_cell(&self) -> Option<Cell> {
        let Some(Surrogate::Victim(victim)) = &self.surrogate else { return None };
        Some(Cell {
            victim: victim.as_ref().clone(),
            surrogate: None,
            erasure: None,
            ..self.clone()
        })
    }

    /// Share of the training set that the defence gets.
    pub fn clean_share(&self) -> f64 {
        self.erasure.as_ref().and_then(|e| e.clean).unwrap_or(self.clean_fraction)
    }

    /// First 12 hexadecimal digits of the SHA-256 of everything that decides the outcome. The names
    /// of the erasure do not count, so that a finished cell stays valid when a recipe changes
    /// elsewhere.
    pub fn hash(&self) -> String {
        let images = (
            self.recorded_dataset(),
            &self.arch,
            self.clean_share(),
            self.limits.trained_on(),
            self.limits.test,
        );
        let victim = self.recorded_victim();
        let erasure = self.erasure.as_ref().map(|e| (&e.method, &e.set));
        let record = (images, (&self.weights, self.seed, victim, erasure));
        match &self.surrogate {
            Some(Surrogate::Victim(surrogate)) => hash_of(&(record, surrogate)),
            Some(Surrogate::Given(_)) | None => hash_of(&record),
        }
    }

    /// The data set as the hash records it: with the size of the images where that is not the usual
    /// one.
    fn recorded_dataset(&self) -> Value {
        match self.image_size {
            Some(size) => json!({ "id": self.dataset, "image_size": size }),
            None => json!(self.dataset),
        }
    }

    /// The victim as the hash records it: the digest of a given surrogate stands in the place of a
    /// surrogate's id.
    fn recorded_victim(&self) -> Victim {
        let mut victim = self.victim.clone();
        if let Some(Surrogate::Given(digest)) = &self.surrogate {
            victim.surrogate = Some(VictimId(digest.short().to_string()));
        }
        victim
    }
}

#[cfg(test)]
mod tests {
    use crate::recipe::{Recipe, Surrogate, VictimWeights};
    use crate::result::CellResult;
    use std::fs;
    use std::path::{Path, PathBuf};

    const TEXT: &str = r#"
name = "cells"
dataset = "signs"
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "clean"
[[victim]]
id = "labels"
attack = "clean_label"
surrogate = "clean"
[[defence]]
id = "tuned"
method = "fine_tune"
"#;

    #[test]
    fn a_cell_knows_its_victim_and_its_surrogate() {
        let cells = Recipe::parse(TEXT).expect("sound").cells();
        let names: Vec<_> = cells.iter().map(|cell| cell.name()).collect();
        assert_eq!(names, ["s0-clean", "s0-labels", "s0-labels-tuned"]);
        assert_eq!(cells[2].victim_cell(), cells[1]);
        assert_eq!(cells[1].surrogate_cell(), Some(cells[0].clone()));
        assert_eq!(cells[0].surrogate_cell(), None);
    }

    #[test]
    fn given_weights_are_part_of_the_hash() {
        let cells = Recipe::parse(TEXT).expect("sound").cells();
        let digest = |digit: &str| digit.repeat(64).parse().expect("64 digits");
        let mut a = cells[2].clone();
        a.weights = VictimWeights::Given(digest("a"));
        let mut b = a.clone();
        b.weights = VictimWeights::Given(digest("b"));
        assert_ne!(a.hash(), b.hash());
        let mut c = cells[1].clone();
        c.surrogate = Some(Surrogate::Given(digest("a")));
        let mut d = c.clone();
        d.surrogate = Some(Surrogate::Given(digest("b")));
        assert_ne!(c.hash(), d.hash());
    }

    #[test]
    fn an_unusual_image_size_is_part_of_the_hash() {
        let with = |line: &str| {
            let text = TEXT.replace("dataset", &format!("{line}\ndataset"));
            Recipe::parse(&text).expect("sound")
        };
        let usual = Recipe::parse(TEXT).expect("sound");
        let named = with("image_size = 32");
        assert_eq!(usual.hash(), named.hash());
        assert_eq!(usual.cells(), named.cells());
        let wide = with("image_size = [48, 32]");
        assert_ne!(usual.hash(), wide.hash());
        assert_ne!(usual.cells()[0].hash(), wide.cells()[0].hash());
        assert_eq!(wide.cells()[1].victim_cell(), wide.cells()[1]);
    }

    #[test]
    fn about_does_not_change_the_hash_and_old_hashes_are_accepted() {
        let plain = Recipe::parse(TEXT).expect("sound");
        let with_remark = Recipe { about: "something".to_string(), ..plain.clone() };
        assert_eq!(plain.hash(), with_remark.hash());
        assert!(
            with_remark.accepts_hash(&super::hash_of(&with_remark))
                && !with_remark.accepts_hash("0123456789ab")
        );
    }

    fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("committed").map(|e| e.expect("an entry").path());
        entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect()
    }

    /// Committed results are those of the recipes: the hash of every cell is what it was.
    #[test]
    fn committed_results_keep_their_hashes() {
        let trainer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../trainer");
        let mut checked = 0;
        for path in files(&trainer.join("recipes"), "toml") {
            let text = fs::read_to_string(&path).expect("readable");
            let recipe = Recipe::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            for cell in recipe.cells() {
                let file = format!("results/{}/{}.json", recipe.name, cell.name());
                let Ok(bytes) = fs::read(trainer.join(&file)) else { continue };
                let result: CellResult = serde_json::from_slice(&bytes).expect("a result");
                assert_eq!(result.cell_hash, cell.hash(), "{file}");
                assert!(recipe.accepts_hash(&result.recipe_hash), "{file}");
                checked += 1;
            }
        }
        assert!(checked > 0, "no result was found");
    }
}
