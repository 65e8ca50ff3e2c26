//! Everything there is to choose, as data: for `unstamp list`, the page's menus and the README.

use crate::defences::{DEFENCES, Knows};
use serde::Serialize;
use unstamp_data::attacks::{ATTACKS, Labels, Needs};
use unstamp_data::datasets::{DATASETS, DatasetInfo};
use unstamp_data::method::{Method, Param, Values};
use unstamp_networks::model::architectures;

/// All lists.
#[derive(Clone, Debug, Serialize)]
pub struct Catalog {
    pub datasets: Vec<&'static DatasetInfo>,
    pub attacks: Vec<AttackCard>,
    pub defences: Vec<DefenceCard>,
    pub architectures: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AttackCard {
    #[serde(flatten)]
    pub method: Method,
    /// With the default parameters.
    pub labels: Labels,
    pub needs: Needs,
    pub rate: f64,
    pub params: Vec<Param>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DefenceCard {
    #[serde(flatten)]
    pub method: Method,
    /// With the default parameters.
    pub knows: Knows,
    pub params: Vec<Param>,
}

/// Everything, from the lists.
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
