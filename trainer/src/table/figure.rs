//! Figures of results, in the form of the papers' figures.

use super::chart::{Chart, draw};
use super::settings::Entries;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::fmt;
use unstamp_shared::job::{Epoch, Rates};
use unstamp_shared::method::Value;
use unstamp_shared::recipe::Erasure;
use unstamp_shared::result::CellResult;

/// The x axis of a figure.
#[derive(Clone, Debug)]
pub enum Along {
    /// The epochs of the last phase that has rates.
    Epoch,
    /// The position `t` on the curve between two models.
    Curve,
    /// The share of clean data (`clean`), or a parameter.
    Key(String),
}

impl From<&str> for Along {
    fn from(text: &str) -> Self {
        match text {
            "epoch" => Self::Epoch,
            "t" => Self::Curve,
            key => Self::Key(key.to_string()),
        }
    }
}

impl fmt::Display for Along {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch => "epoch",
            Self::Curve => "t",
            Self::Key(key) => key,
        })
    }
}

/// Model -> name of the series -> bits of x -> ACC and ASR of every seed. x is not negative, so its bits
/// sort like its values.
type Curves<'a> = BTreeMap<&'a str, BTreeMap<String, BTreeMap<u64, Vec<[f64; 2]>>>>;

/// ACC and ASR in percent; `None` without an ASR.
fn pair(rates: Rates) -> Option<[f64; 2]> {
    Some([100.0 * rates.acc, 100.0 * rates.asr?])
}

/// Mean over seeds of ACC (`rate` 0) or ASR (`rate` 1).
fn mean(all: &[[f64; 2]], rate: usize) -> f64 {
    all.iter().map(|rates| rates[rate]).sum::<f64>() / all.len() as f64
}

/// The points of a result on the chosen axis: x, the name of the series, and ACC and ASR in percent.
fn places(
    r: &CellResult,
    along: &Along,
    entries: &Entries,
) -> Vec<(f64, String, Option<[f64; 2]>)> {
    let Some(erasure) = &r.erasure else { return Vec::new() };
    match along {
        Along::Epoch => {
            // The epochs of some phases, such as a search for triggers, have no rates.
            let measured = r.curve.iter().rev().find(|epoch| epoch.rates.is_some());
            let last = measured.map(|epoch| epoch.phase.as_str());
            let epochs = r.curve.iter().filter(|e| Some(e.phase.as_str()) == last).enumerate();
            let place = |(i, epoch): (usize, &Epoch)| {
                (i as f64 + 1.0, erasure.id.clone(), epoch.rates.and_then(pair))
            };
            epochs.map(place).collect()
        }
        Along::Curve => {
            let place = |(t, rates): &(f64, Rates)| (*t, erasure.id.clone(), pair(*rates));
            r.points.iter().map(place).collect()
        }
        Along::Key(key) => {
            let x = number(erasure, key).into_iter();
            let name = entries.name(erasure, key);
            x.map(|x| (x, name.clone(), pair(Rates::from(&r.report)))).collect()
        }
    }
}

/// The value of the setting `key`, if it is a number.
fn number(erasure: &Erasure, key: &str) -> Option<f64> {
    let (_, value) = erasure.settings().into_iter().find(|(name, _)| name == key)?;
    match value {
        Value::Float(value) => Some(value),
        Value::Int(value) => Some(value as f64),
        Value::Text(_) => None,
    }
}

/// A figure of ACC (first row) and ASR (second row) over the chosen axis, one column for each model.
/// Rates are means over seeds.
///
/// # Errors
/// No series has two points.
pub fn along(results: &[CellResult], along: &Along) -> Result<String> {
    let entries = Entries::new(results);
    let mut curves = Curves::new();
    for r in results {
        for (x, name, rates) in places(r, along, &entries).into_iter().filter(|(x, ..)| *x >= 0.0) {
            let Some(rates) = rates else { continue };
            let curve = curves.entry(&r.victim.id).or_default().entry(name).or_default();
            curve.entry(x.to_bits()).or_default().push(rates);
        }
    }
    for curves in curves.values_mut() {
        curves.retain(|_, curve| curve.len() > 1);
    }
    curves.retain(|_, curves| !curves.is_empty());
    ensure!(!curves.is_empty(), "nothing here has ACC and ASR at two places along {along}");
    let chart = |(model, curves): (&&str, &BTreeMap<String, _>), rate: usize| {
        let means = |curve: &BTreeMap<u64, Vec<[f64; 2]>>| {
            let points = curve.iter().map(|(x, all)| (f64::from_bits(*x), mean(all, rate)));
            points.collect()
        };
        let curves = curves.iter().map(|(name, curve)| (name.clone(), means(curve))).collect();
        let y = ["ACC", "ASR"][rate];
        Chart { title: model.to_string(), x: along.to_string(), y, curves, joined: true }
    };
    let row = |rate| curves.iter().map(|model| chart(model, rate)).collect();
    draw(&[row(0), row(1)])
}

/// Charts in one row of a figure of many models.
const CHARTS_IN_A_ROW: usize = 3;

/// A figure of ACC over ASR, one chart for each model and one point for each setting of each method.
/// Rates are means over seeds.
///
/// # Errors
/// No result has an ASR.
pub fn tradeoff(results: &[CellResult]) -> Result<String> {
    type Points<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<&'a str, Vec<[f64; 2]>>>>;
    let mut models = Points::new();
    for r in results {
        let Some(rates) = pair(Rates::from(&r.report)) else { continue };
        let (method, id) = r.erasure.as_ref().map_or(("victim", ""), |e| (e.entry(), &e.id));
        let methods = models.entry(&r.victim.id).or_default();
        methods.entry(method).or_default().entry(id).or_default().push(rates);
    }
    ensure!(!models.is_empty(), "no result has an ASR");
    let charts: Vec<_> = models
        .iter()
        .map(|(model, methods)| {
            let points = |settings: &BTreeMap<&str, Vec<[f64; 2]>>| {
                settings.values().map(|all| (mean(all, 1), mean(all, 0))).collect()
            };
            let curves =
                methods.iter().map(|(name, all)| (name.to_string(), points(all))).collect();
            Chart {
                title: model.to_string(),
                x: "ASR".to_string(),
                y: "ACC",
                curves,
                joined: false,
            }
        })
        .collect();
    draw(&charts.chunks(CHARTS_IN_A_ROW).map(<[_]>::to_vec).collect::<Vec<_>>())
}
