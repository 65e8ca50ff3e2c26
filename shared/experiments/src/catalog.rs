//! Descriptions and typed parameters of data sets, attacks, defences and architectures, as data for
//! `unstamp list`.

use crate::defences::{DEFENCES, Knows};
use serde::Serialize;
use unstamp_data::attacks::{ATTACKS, Labels, Needs};
use unstamp_data::datasets::{DATASETS, DatasetInfo};
use unstamp_data::method::{Method, Param, Values};
use unstamp_data::settings::SettingsError;
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
    /// The data that it uses with the default parameters.
    pub knows: Knows,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// The descriptions of everything in the lists.
///
/// # Errors
///
/// A method refuses its own defaults: a fault in the method.
///
/// # Examples
///
/// ```
/// use unstamp_experiments::catalog::catalog;
///
/// let catalog = catalog()?;
/// let nad = catalog.defences.iter().find(|card| card.method.id == "nad").expect("it is listed");
/// assert_eq!(nad.method.title, "Neural attention distillation");
/// assert!(nad.params.iter().any(|param| param.id == "beta"));
/// assert!(catalog.architectures.contains(&"wrn-16-1"));
/// # Ok::<(), unstamp_data::settings::SettingsError>(())
/// ```
pub fn catalog() -> Result<Catalog, SettingsError> {
    let mut attacks = Vec::new();
    for attack in ATTACKS {
        attacks.push(AttackCard {
            method: attack.method(),
            labels: attack.labels(&Values::default())?,
            needs: attack.needs(),
            rate: attack.default_rate(),
            params: attack.params(),
        });
    }
    let mut defences = Vec::new();
    for defence in DEFENCES {
        let knows = defence.knows(&Values::default())?;
        let params = defence.params();
        defences.push(DefenceCard { method: defence.method(), knows, params });
    }
    let architectures = architectures().collect();
    Ok(Catalog { datasets: DATASETS.to_vec(), attacks, defences, architectures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_stand_in_the_order_of_the_lists() {
        let catalog = catalog().expect("sound defaults");
        let attacks: Vec<&str> = catalog.attacks.iter().map(|card| card.method.id).collect();
        assert_eq!(attacks, ATTACKS.iter().map(|a| a.method().id).collect::<Vec<_>>());
        let defences: Vec<&str> = catalog.defences.iter().map(|card| card.method.id).collect();
        assert_eq!(defences, DEFENCES.iter().map(|d| d.method().id).collect::<Vec<_>>());
        for card in &catalog.defences {
            let knows = card.knows == Knows::Trigger;
            assert_eq!(knows, card.method.id == "retrain", "{}", card.method.id);
        }
    }

    /// `unstamp list --json` writes a card as one object.
    #[test]
    fn a_card_is_a_flat_record() {
        let catalog = catalog().expect("sound defaults");
        let json = serde_json::to_value(&catalog.defences[0]).expect("plain data");
        assert_eq!(json["id"], DEFENCES[0].method().id);
        assert_eq!(json["knows"], "clean_subset");
    }
}
