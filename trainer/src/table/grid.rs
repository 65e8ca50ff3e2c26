//! Grids of attacks against defences, for results with very many rows.

use super::range;
use std::fmt::Write;
use unstamp_shared::result::CellResult;

/// One grid for ACC and one for ASR, in percent. Rows are models, columns are defences, and cells hold
/// mean and range over seeds.
pub fn grids(results: &[CellResult]) -> String {
    let rate = |name, value: &dyn Fn(&CellResult) -> Option<f64>| {
        format!("{name}, mean and range over seeds, percent.\n\n{}\n", grid(results, value))
    };
    rate("ACC", &|r| Some(r.report.acc.value)) + &rate("ASR", &|r| r.report.asr.map(|a| a.value))
}

/// The column of a result.
fn erasure(result: &CellResult) -> &str {
    result.erasure.as_ref().map_or("no defence", |e| &e.id)
}

/// The grid of one rate.
fn grid(results: &[CellResult], value: &dyn Fn(&CellResult) -> Option<f64>) -> String {
    let mut models: Vec<&str> = Vec::new();
    let mut defences: Vec<&str> = Vec::new();
    let note = |list: &mut Vec<_>, name| (!list.contains(&name)).then(|| list.push(name));
    for r in results.iter().filter(|r| value(r).is_some()) {
        note(&mut models, &r.victim.id);
        note(&mut defences, erasure(r));
    }
    let mut text = format!("| model | {} |\n", defences.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(defences.len()));
    for model in models {
        let of = |defence: &&str| {
            let met = results.iter().filter(|r| r.victim.id == model && erasure(r) == *defence);
            range(&met.filter_map(value).collect::<Vec<_>>())
        };
        let _ = writeln!(
            text,
            "| {model} | {} |",
            defences.iter().map(of).collect::<Vec<_>>().join(" | ")
        );
    }
    text
}
