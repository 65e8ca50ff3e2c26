//! A recipe: an experiment as someone writes it, and the cells it consists of.

mod sweep;

use crate::adversarial::Robust;
use crate::defences::{Knows, defence};
use crate::job::{Augment, Training};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use sweep::expanded;
use unstamp_data::attacks::{Needs, attack};
use unstamp_data::datasets::dataset;
use unstamp_data::method::Values;
use unstamp_data::poison::{Draw, RateOf};
use unstamp_data::seed::hex;
use unstamp_networks::model::Arch;

/// A whole experiment: victims x defences x seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub name: String,
    /// What it shows, which paper and table, how long it takes.
    #[serde(default)]
    pub about: String,
    pub dataset: String,
    /// Remark that stands beside every number, such as "JPEG copy".
    #[serde(default)]
    pub data_note: String,
    #[serde(default = "default_arch")]
    pub arch: String,
    #[serde(default = "default_seeds")]
    pub seeds: Vec<u64>,
    /// Share of the training set the defences get.
    #[serde(default = "default_fraction")]
    pub clean_fraction: f64,
    /// Runs defences on models without attack too, which shows what harm they do; but for those that
    /// need a trigger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erase_clean: bool,
    /// Measure models when they are finished only, not after every epoch, which takes a small network
    /// longer than training does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_curves: bool,
    /// Use only this many training (test) images, from the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_images: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_images: Option<usize>,
    /// So many training images, behind the first `train_images` or spread over all, are kept from attack
    /// and defences: what settings do there is measured, so that they can be chosen without a look at
    /// test images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_images: Option<usize>,
    pub train: Training,
    #[serde(rename = "victim")]
    pub victims: Vec<Victim>,
    /// A `[[defence]]` may stand for several: `clean = [0.01, 0.05]` and `grid = { lr = [0.1, 0.01] }`
    /// give one for every combination.
    #[serde(default, rename = "defence", deserialize_with = "expanded")]
    pub defences: Vec<Erasure>,
}

fn default_arch() -> String {
    "wrn-16-1".to_string()
}

fn default_seeds() -> Vec<u64> {
    vec![0]
}

fn default_fraction() -> f64 {
    0.05
}

/// A model to train. Without an attack it is the clean model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Victim {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<String>,
    /// Poisoning rate; the attack's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    #[serde(default)]
    pub rate_of: RateOf,
    #[serde(default)]
    pub draw: Draw,
    #[serde(default)]
    pub target: usize,
    #[serde(default)]
    pub set: Values,
    /// Id of an earlier victim without attack, with which the attack makes what it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surrogate: Option<String>,
    /// Replaces the recipe's number of epochs for this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Replaces the recipe's augmentation for this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Adversarial training instead of plain: the robust surrogate of some attacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<Robust>,
}

/// A defence to run on every victim that has an attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    pub id: String,
    pub method: String,
    #[serde(default)]
    pub set: Values,
    /// Share of the training set it gets instead of the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<f64>,
    /// Id of the recipe's entry it is one combination of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

impl Erasure {
    /// Id of the recipe's entry it comes from.
    pub fn entry(&self) -> &str {
        self.of.as_ref().unwrap_or(&self.id)
    }

    fn needs_trigger(&self) -> bool {
        defence(&self.method).is_some_and(|defence| defence.knows(&self.set) == Knows::Trigger)
    }
}

/// One trained or erased model.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub seed: u64,
    pub victim: Victim,
    pub erasure: Option<Erasure>,
}

impl Cell {
    /// File name of its result, without ending: `s0-victim` or `s0-victim-defence`.
    pub fn name(&self) -> String {
        let base = format!("s{}-{}", self.seed, self.victim.id);
        self.erasure.as_ref().map_or(base.clone(), |e| format!("{base}-{}", e.id))
    }
}

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecipeError(pub String);

impl Recipe {
    /// Reads and checks a recipe, with every method's parameters filled in.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let mut recipe: Recipe = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| text[..s.start].lines().count().max(1));
            RecipeError(format!("line {line}: {}", e.message()))
        })?;
        recipe.resolve().map_err(RecipeError)?;
        Ok(recipe)
    }

    fn resolve(&mut self) -> Result<(), String> {
        let plain = |id: &str| {
            !id.is_empty()
                && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let info = dataset(&self.dataset).ok_or_else(|| {
            format!("dataset = '{}' is not known; see unstamp list", self.dataset)
        })?;
        let classes = info.classes.len().max(2);
        Arch { name: self.arch.clone(), classes, normalisation: None }.config()?;
        let share = |key: &str, share: f64| {
            let sound = share > 0.0 && share <= 1.0;
            sound.then_some(()).ok_or(format!("{key} = {share} must be above 0 and at most 1"))
        };
        share("clean_fraction", self.clean_fraction)?;
        for (id, own) in self.defences.iter().filter_map(|d| Some((&d.id, d.clean?))) {
            share(&format!("defence {id}: clean"), own)?;
        }
        let still = self.train.epochs == 0 || self.victims.iter().any(|v| v.epochs == Some(0));
        if still || self.train.batch == 0 || self.train.lr <= 0.0 {
            return Err("epochs, train.batch and train.lr must be above 0".to_string());
        }
        if self.seeds.is_empty() || self.victims.is_empty() {
            return Err("a recipe needs at least one seed and one [[victim]]".to_string());
        }
        let ids = self.victims.iter().map(|v| &v.id).chain(self.defences.iter().map(|d| &d.id));
        if let Some(id) = ids.clone().find(|id| !plain(id)) {
            return Err(format!("id = '{id}' may only hold a-z, 0-9 and _"));
        }
        let mut sorted: Vec<_> = ids.collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("id = '{}' is given twice", pair[0]));
        }
        let mut clean = BTreeSet::new();
        for victim in &mut self.victims {
            let in_ball = |r: Robust| r.eps > 0.0 && r.eps <= 1.0 && r.steps > 0;
            if !victim.robust.is_none_or(in_ball) {
                return Err(format!(
                    "victim {}: robust.eps must be above 0 and at most 1, robust.steps above 0",
                    victim.id
                ));
            }
            let Some(id) = &victim.attack else {
                clean.insert(victim.id.clone());
                continue;
            };
            let attack = attack(id)
                .ok_or_else(|| format!("attack = '{id}' is not known; see unstamp list"))?;
            let params = attack.params();
            let resolved = victim.set.resolve(&params);
            let resolved = resolved.map_err(|e| format!("victim {}: {e}", victim.id))?;
            victim.set = resolved.recorded(&params);
            let missing = attack.needs() == Needs::Perturbed && victim.surrogate.is_none();
            let unknown = victim.surrogate.as_ref().filter(|s| !clean.contains(*s));
            if missing || unknown.is_some() {
                return Err(format!(
                    "victim {}: surrogate must name an earlier [[victim]] without attack",
                    victim.id
                ));
            }
            let rate = *victim.rate.get_or_insert(attack.default_rate());
            if !(rate > 0.0 && rate <= 1.0) {
                return Err(format!(
                    "victim {}: rate = {rate} must be above 0 and at most 1",
                    victim.id
                ));
            }
            if !info.classes.is_empty() && victim.target >= classes {
                return Err(format!(
                    "victim {}: target = {} is not a class of {}",
                    victim.id, victim.target, self.dataset
                ));
            }
        }
        for erasure in &mut self.defences {
            let defence = defence(&erasure.method).ok_or_else(|| {
                format!("method = '{}' is not known; see unstamp list", erasure.method)
            })?;
            let params = defence.params();
            let resolved = erasure.set.resolve(&params);
            let resolved = resolved.map_err(|e| format!("defence {}: {e}", erasure.id))?;
            erasure.set = resolved.recorded(&params);
        }
        Ok(())
    }

    /// First 12 hexadecimal digits of the SHA-256 of the resolved recipe; the text around it
    /// (`about`, seeds, list of defences) counts, comments do not.
    pub fn hash(&self) -> String {
        hash_of(self)
    }

    /// Every cell, victims before what is erased from them.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &seed in &self.seeds {
            for victim in &self.victims {
                cells.push(Cell { seed, victim: victim.clone(), erasure: None });
                let met = self.defences.iter().filter(|erasure| match victim.attack {
                    Some(_) => true,
                    None => self.erase_clean && !erasure.needs_trigger(),
                });
                cells.extend(met.map(|erasure| Cell {
                    seed,
                    victim: victim.clone(),
                    erasure: Some(erasure.clone()),
                }));
            }
        }
        cells
    }

    /// Hash of everything that decides a cell's outcome: a finished cell stays valid when other
    /// cells are added to the recipe.
    pub fn cell_hash(&self, cell: &Cell) -> String {
        let trained_on = match (self.train_images, self.validation_images) {
            (None, Some(apart)) => serde_json::json!({ "without": apart }),
            (front, _) => serde_json::json!(front),
        };
        let own = (
            (&self.dataset, &self.arch, self.clean_share(cell), trained_on, self.test_images),
            (
                &self.train,
                cell.seed,
                &cell.victim,
                cell.erasure.as_ref().map(|e| (&e.method, &e.set)),
            ),
        );
        match self.surrogate(cell) {
            Some(surrogate) => hash_of(&(own, surrogate.victim)),
            None => hash_of(&own),
        }
    }

    /// Share of the training set a cell's defence gets.
    pub fn clean_share(&self, cell: &Cell) -> f64 {
        cell.erasure.as_ref().and_then(|e| e.clean).unwrap_or(self.clean_fraction)
    }

    /// The cell of the model a cell's attack is made with.
    pub fn surrogate(&self, cell: &Cell) -> Option<Cell> {
        let id = cell.victim.surrogate.as_ref()?;
        let victim = self.victims.iter().find(|v| v.id == *id)?.clone();
        Some(Cell { seed: cell.seed, victim, erasure: None })
    }
}

fn hash_of(record: &impl Serialize) -> String {
    let json = serde_json::to_vec(record).expect("records are plain data");
    hex(&Sha256::digest(json))[..12].to_string()
}
