//! The setting of each method that validation images choose, and its rates on test images.

use super::settings::Entries;
use std::collections::BTreeMap;
use std::fmt::Write;
use unstamp_shared::job::Rates;
use unstamp_shared::result::CellResult;

/// Largest ASR on validation images of a chosen setting, if there is one below it.
const MOST: f64 = 0.05;

/// One setting: ACC and ASR on validation and on test images, means over seeds.
struct Point {
    /// Its name in the column *chosen*.
    setting: String,
    validation: [f64; 2],
    test: [f64; 2],
}

impl Point {
    /// The means over `runs`, which differ only in the seed.
    fn new(entries: &Entries, runs: &[&CellResult]) -> Self {
        let mean = |of: &dyn Fn(&CellResult) -> Option<Rates>| {
            let pairs = runs.iter().filter_map(|r| of(r)).map(|r| [r.acc, r.asr.unwrap_or(0.0)]);
            let sums = pairs.fold([0.0; 2], |[acc, asr], [a, b]| [acc + a, asr + b]);
            sums.map(|sum| sum / runs.len() as f64)
        };
        let test = |r: &CellResult| Some(Rates::from(&r.report));
        let erasure = runs.iter().find_map(|r| r.erasure.as_ref());
        let setting = erasure.map_or("-".to_string(), |erasure| entries.setting(erasure));
        Self { setting, validation: mean(&|r| r.validation), test: mean(&test) }
    }

    /// Whether `by` has at least this ACC and at most this ASR on validation images, and is better in
    /// one of them.
    fn dominated(&self, by: &Self) -> bool {
        let [acc, asr] = self.validation;
        let [other_acc, other_asr] = by.validation;
        other_acc >= acc && other_asr <= asr && (other_acc > acc || other_asr < asr)
    }

    /// `89.0 / 1.0`: ACC and ASR on test images in percent.
    fn shown(&self) -> String {
        format!("{:.1} / {:.1}", 100.0 * self.test[0], 100.0 * self.test[1])
    }
}

/// A table with one row for each model and method. All rates in it are those on test images.
///
/// - *chosen*: of the settings with an ASR of at most 5 % on validation images, the one with the
///   largest ACC there; if there is none, the setting with the smallest ASR.
/// - *frontier*: the settings that no other setting of the method dominates on validation images.
///
/// The validation images carry the trigger. A defender does not have such images, so the choice is an
/// upper bound of what a defender can reach. `None` if the recipe has no `validation_images`.
pub fn frontier(results: &[CellResult]) -> Option<String> {
    let entries = Entries::new(results);
    let mut models: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, Vec<&CellResult>>>> =
        BTreeMap::new();
    // A clean model has no ASR, so there is nothing to choose.
    for r in results.iter().filter(|r| r.validation.is_some_and(|rates| rates.asr.is_some())) {
        let (method, id) = r.erasure.as_ref().map_or(("-", "-"), |e| (e.entry(), &e.id));
        let methods = models.entry(&r.victim.id).or_default();
        methods.entry(method).or_default().entry(id).or_default().push(r);
    }
    if models.is_empty() {
        return None;
    }
    let mut text = format!(
        "Chosen on validation images: the most accurate setting with an ASR of at most {:.0} % there, or \
         that with the least. ACC / ASR on test images, percent, means over seeds.\n\n\
         | model | method | chosen | ACC / ASR | frontier |\n|---|---|---|---|---|\n",
        100.0 * MOST
    );
    for (model, methods) in models {
        for (method, settings) in methods {
            let mut points: Vec<Point> =
                settings.into_values().map(|runs| Point::new(&entries, &runs)).collect();
            points.sort_by(|a, b| b.validation[0].total_cmp(&a.validation[0]));
            let least = points.iter().min_by(|a, b| a.validation[1].total_cmp(&b.validation[1]));
            let within = points.iter().find(|p| p.validation[1] <= MOST);
            let Some(chosen) = within.or(least) else { continue };
            let best = points.iter().filter(|p| !points.iter().any(|by| p.dominated(by)));
            let best = best.map(Point::shown).collect::<Vec<_>>().join("; ");
            let setting = &chosen.setting;
            let rates = chosen.shown();
            let _ = writeln!(text, "| {model} | {method} | {setting} | {rates} | {best} |");
        }
    }
    Some(text)
}
