//! Which setting of a method would be chosen, and what it then does.

use std::collections::BTreeMap;
use std::fmt::Write;
use unstamp_shared::job::Rates;
use unstamp_shared::result::CellResult;

/// ASR on validation images that a chosen setting may leave.
const MOST: f64 = 0.05;

/// A setting: means over seeds of ACC and ASR on validation and on test images.
struct Point {
    id: String,
    validation: [f64; 2],
    test: [f64; 2],
}

impl Point {
    fn new(id: &str, runs: &[&CellResult]) -> Self {
        let mean = |of: &dyn Fn(&CellResult) -> Option<Rates>| {
            let pairs = runs.iter().filter_map(|r| of(r)).map(|r| [r.acc, r.asr.unwrap_or(0.0)]);
            let sums = pairs.fold([0.0; 2], |[acc, asr], [a, b]| [acc + a, asr + b]);
            sums.map(|sum| sum / runs.len() as f64)
        };
        let test = |r: &CellResult| Some(Rates::from(&r.report));
        Self { id: id.to_string(), validation: mean(&|r| r.validation), test: mean(&test) }
    }

    /// Whether another is at least as accurate with no more ASR, and better in one of them.
    fn dominated(&self, by: &Self) -> bool {
        let ([acc, asr], [a, b]) = (self.validation, by.validation);
        a >= acc && b <= asr && (a > acc || b < asr)
    }

    fn shown(&self) -> String {
        format!("{:.1} / {:.1}", 100.0 * self.test[0], 100.0 * self.test[1])
    }
}

/// For every model and method the setting chosen on validation images: the most accurate of those that
/// leave at most 5 % of ASR there, or the one that leaves least. Then the frontier: the settings
/// that no other of the method beats there in both rates. All rates shown are those on test images.
/// None where nothing was measured on validation images, which a recipe's `validation_images` asks for.
pub fn frontier(results: &[CellResult]) -> Option<String> {
    let mut models: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, Vec<&CellResult>>>> =
        BTreeMap::new();
    // A model nobody attacked has no ASR, and nothing to choose.
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
                settings.into_iter().map(|(id, runs)| Point::new(id, &runs)).collect();
            points.sort_by(|a, b| b.validation[0].total_cmp(&a.validation[0]));
            let least = points.iter().min_by(|a, b| a.validation[1].total_cmp(&b.validation[1]));
            let within = points.iter().find(|p| p.validation[1] <= MOST);
            let Some(chosen) = within.or(least) else { continue };
            let best = points.iter().filter(|p| !points.iter().any(|by| p.dominated(by)));
            let best = best.map(Point::shown).collect::<Vec<_>>().join("; ");
            let setting = chosen.id.strip_prefix(method).unwrap_or(&chosen.id);
            let setting = setting.trim_start_matches('_');
            let setting = if setting.is_empty() { "-" } else { setting };
            let _ =
                writeln!(text, "| {model} | {method} | {setting} | {} | {best} |", chosen.shown());
        }
    }
    Some(text)
}
