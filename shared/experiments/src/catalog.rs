//! Descriptions and typed parameters of data sets, attacks, defences and architectures, as data for
//! `unstamp list`.

use crate::defences::{DEFENCES, Knows};
use serde::Serialize;
use unstamp_data::attacks::{ATTACKS, Labels, Needs};
use unstamp_data::datasets::{DATASETS, DatasetInfo};
use unstamp_data::method::{Method, Param, Values};
use unstamp_networks::model::architectures;

/// The lists of everything that can be chosen.
#[derive(Clone, Debug, Serialize)]
pub struct Catalog {
    /// Data sets, in the order of [`DATASETS`].
    pub datasets: Vec<&'static DatasetInfo>,
    /// Attacks, in the order of [`ATTACKS`].
    pub attacks: Vec<AttackCard>,
    /// Defences, in the order of [`DEFENCES`].
    pub defences: Vec<DefenceCard>,
    /// Names of architectures that papers use.
    pub architectures: Vec<&'static str>,
}

/// The description of an attack.
#[derive(Clone, Debug, Serialize)]
pub struct AttackCard {
    /// Id, title, paper and summary.
    #[serde(flatten)]
    pub method: Method,
    /// Whether it changes labels, with the default parameters.
    pub labels: Labels,
    /// The kind of pictures that it needs.
    pub needs: Needs,
    /// Default poisoning rate, as a share of all training images.
    pub rate: f64,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// The description of a defence.
#[derive(Clone, Debug, Serialize)]
pub struct DefenceCard {
    /// Id, title, paper and summary.
    #[serde(flatten)]
    pub method: Method,
    /// What it is given, with the default parameters.
    pub knows: Knows,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// The descriptions of everything in the lists.
pub fn catalog() -> Catalog {
    Catalog {
        datasets: DATASETS.to_vec(),
        attacks: ATTACKS
            .iter()
            .map(|a| AttackCard {
                method: a.method(),
                labels: a.labels(&Values::default().with_defaults(&a.params())),
                needs: a.needs(),
                rate: a.default_rate(),
                params: a.params(),
            })
            .collect(),
        defences: DEFENCES
            .iter()
            .map(|d| {
                let default = Values::default().with_defaults(&d.params());
                DefenceCard { method: d.method(), knows: d.knows(&default), params: d.params() }
            })
            .collect(),
        architectures: architectures().collect(),
    }
}
