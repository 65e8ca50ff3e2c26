//! Tables and figures of results.

mod chart;
mod document;
mod export;
mod figure;
mod frontier;
mod grid;
mod read;
mod settings;

pub use document::{between_marks, placed, rewrite};
pub use export::{csv, curves};
pub use figure::{Along, along, tradeoff};
pub use read::{all_results, read_recipe, results, results_of};

use std::fmt::Write;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::dataset;
use unstamp_shared::defences::{TEACHER, defence};
use unstamp_shared::method::Values;
use unstamp_shared::metrics::Rate;
use unstamp_shared::result::CellResult;

/// `97.3 [96.5, 97.9]`: a rate and its interval in percent.
fn percent(rate: Option<Rate>) -> String {
    rate.map_or("-".to_string(), |r| {
        format!("{:.1} [{:.1}, {:.1}]", 100.0 * r.value, 100.0 * r.ci95[0], 100.0 * r.ci95[1])
    })
}

/// ACC and ASR that the [NAD paper](https://arxiv.org/abs/2101.05930) reports for such a model, in
/// percent. For a defence this needs default parameters.
fn reported(r: &CellResult) -> Option<(f64, f64)> {
    let id = r.victim.attack.as_ref()?;
    let Some(erasure) = &r.erasure else {
        let paper = attack(id)?.reported().filter(|p| p.dataset == r.dataset)?;
        return Some((paper.acc, paper.asr));
    };
    let defence = defence(&erasure.method)?;
    let params = defence.params();
    let default = Values::default().with_defaults(&params).for_record(&params);
    let mut rows = defence.reported().iter().filter(|_| r.dataset == "cifar10");
    let usual = erasure.set == default && erasure.clean.is_none();
    let row = rows.find(|row| row.attack == id && usual)?;
    Some((row.acc, row.asr))
}

/// `+0.1 +2.0 +31.5`: for each group the share of attention that moves to the trigger, in percentage
/// points.
fn attention(r: &CellResult) -> String {
    let groups = r.attention_on_trigger.iter().map(|share| format!("{:+.1}", 100.0 * share));
    let text = groups.collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".to_string() } else { text }
}

/// `0, 98.3, 0.12`: the class of the recovered triggers, their ASR in percent, and their distance to the
/// true trigger.
fn recovered(r: &CellResult) -> String {
    let Some(found) = r.recovered else { return "-".to_string() };
    let distance = found.distance.map_or("-".to_string(), |d| format!("{d:.2}"));
    format!("{}, {:.1}, {distance}", found.target, 100.0 * found.asr)
}

/// `86.9 / 88.7`: ACC and ASR of the teacher on up to 1,000 test images, in percent.
fn teacher(r: &CellResult) -> Option<String> {
    let taught = r.curve.iter().rfind(|epoch| epoch.phase == TEACHER)?.rates?;
    let asr = taught.asr.map_or("-".to_string(), |asr| format!("{:.1}", 100.0 * asr));
    Some(format!("{:.1} / {asr}", 100.0 * taught.acc))
}

/// `cpu (2 threads), 1a2b3c4`: the device, and the commit of the program.
fn run(r: &CellResult) -> String {
    r.commit.as_ref().map_or(r.device.clone(), |commit| format!("{}, {commit}", r.device))
}

/// The cells of a row, under [`HEAD`].
fn columns(r: &CellResult) -> [String; 13] {
    let label = r.erasure.as_ref().map_or_else(
        || if r.victim.attack.is_some() { "victim".to_string() } else { "clean model".to_string() },
        |e| e.id.clone(),
    );
    [
        r.victim.id.clone(),
        label,
        percent(Some(r.report.acc)),
        percent(r.report.asr),
        percent(r.report.floor),
        percent(r.report.ra),
        r.der.map_or("-".to_string(), |d| format!("{:.1}", 100.0 * d)),
        r.report.asr.map_or("-".to_string(), |asr| asr.n.to_string()),
        format!("{:.1}", r.minutes),
        r.seed.to_string(),
        r.erasure.as_ref().map_or("-".to_string(), |_| r.data.clean_subset.to_string()),
        r.squared_weight_norm.map_or("-".to_string(), |norm| format!("{norm:.0}")),
        run(r),
    ]
}

/// The largest number of rows of a table. More rows become grids; `unstamp table --format csv` prints
/// all of them.
const MOST_ROWS: usize = 100;

/// The heads of the columns that every table has.
const HEAD: [&str; 13] = [
    "model",
    "defence",
    "ACC",
    "ASR",
    "floor",
    "RA",
    "DER",
    "n (ASR)",
    "min",
    "seed",
    "clean images",
    "weight norm",
    "run",
];

/// `81.2 (80.1 to 82.0)`: mean and range in percent, or the value if there is only one.
fn range(values: &[f64]) -> String {
    match values {
        [] => return "-".to_string(),
        [one] => return format!("{:.1}", 100.0 * one),
        _ => {}
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.1} ({:.1} to {:.1})", 100.0 * mean, 100.0 * least, 100.0 * most)
}

/// A table of mean and range over seeds, one row for each model and defence. Empty if there is only one
/// seed.
pub fn over_seeds(results: &[CellResult]) -> String {
    let mut groups: Vec<(&str, &str, Vec<&CellResult>)> = Vec::new();
    for r in results {
        let erasure = r.erasure.as_ref().map_or("", |e| e.id.as_str());
        match groups.iter_mut().find(|g| (g.0, g.1) == (&r.victim.id, erasure)) {
            Some(group) => group.2.push(r),
            None => groups.push((&r.victim.id, erasure, vec![r])),
        }
    }
    if groups.iter().all(|(_, _, runs)| runs.len() == 1) {
        return String::new();
    }
    let mut text = String::from("Mean and range over seeds, percent.\n\n");
    text += "| model | defence | ACC | ASR | RA | DER | seeds |\n|---|---|---|---|---|---|---|\n";
    for (victim, erasure, runs) in groups {
        let of = |value: &dyn Fn(&CellResult) -> Option<f64>| {
            range(&runs.iter().filter_map(|r| value(r)).collect::<Vec<_>>())
        };
        let _ = writeln!(
            text,
            "| {victim} | {} | {} | {} | {} | {} | {} |",
            if erasure.is_empty() { "-" } else { erasure },
            of(&|r| Some(r.report.acc.value)),
            of(&|r| r.report.asr.map(|a| a.value)),
            of(&|r| r.report.ra.map(|a| a.value)),
            of(&|r| r.der),
            runs.len()
        );
    }
    text + "\n"
}

/// The Markdown text for results of one recipe: a line about the recipe, then one of three forms.
///
/// - With rates on validation images: the chosen settings (`frontier.rs`).
/// - With more than 100 rows: grids (`grid.rs`).
/// - Otherwise: the table over seeds if there are several, and a row for each result.
///
/// # Panics
/// If `results` is empty; [`results`] never returns an empty list.
pub fn markdown(results: &[CellResult]) -> String {
    let mut text = String::new();
    let first = &results[0];
    let note =
        if first.data_note.is_empty() { String::new() } else { format!(" ({})", first.data_note) };
    let _ = writeln!(
        text,
        "Recipe `{}` ({}), {}{note}, {}, version {}.\n",
        first.recipe, first.recipe_hash, first.dataset, first.arch, first.version
    );
    if let Some(frontier) = frontier::frontier(results) {
        return text + &frontier;
    }
    if results.len() > MOST_ROWS {
        return text + &grid::grids(results);
    }
    text += &over_seeds(results);
    let papers = results.iter().any(|r| reported(r).is_some());
    let looked = results.iter().any(|r| !r.attention_on_trigger.is_empty());
    let mut head = HEAD.to_vec();
    head.extend(looked.then_some("attention on trigger"));
    let recovers = results.iter().any(|r| r.recovered.is_some());
    head.extend(recovers.then_some("recovered: class, ASR, distance"));
    let taught = results.iter().any(|r| teacher(r).is_some());
    head.extend(taught.then_some("teacher: ACC / ASR"));
    head.extend(papers.then_some("NAD paper: ACC / ASR"));
    text += "Percent with 95 % Wilson intervals.\n\n";
    let _ = writeln!(text, "| {} |", head.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for result in results {
        let mut row = columns(result).to_vec();
        row.extend(looked.then(|| attention(result)));
        row.extend(recovers.then(|| recovered(result)));
        row.extend(taught.then(|| teacher(result).unwrap_or("-".to_string())));
        let paper = reported(result).map(|(acc, asr)| format!("{acc:.2} / {asr:.2}"));
        row.extend(papers.then(|| paper.unwrap_or("-".to_string())));
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// A table of the ASR by true class of the triggered images (NAD figure 10), in percent, one row for each
/// model.
pub fn per_class(results: &[CellResult]) -> String {
    let mut text = String::new();
    let names = dataset(&results[0].dataset).map_or(&[][..], |info| info.classes);
    let counts = |r: &CellResult| r.report.triggered.as_ref().map_or(0, |t| t.0.len());
    let classes = results.iter().map(counts).max().unwrap_or(0);
    let name = |class: usize| names.get(class).map_or(class.to_string(), |n| n.to_string());
    let head: Vec<_> = (0..classes).map(name).collect();
    let _ = writeln!(text, "| model | {} |", head.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(classes));
    for r in results {
        let attack = r.victim.attack.as_ref().and_then(|id| attack(id));
        let (Some(attack), Some(triggered)) = (attack, &r.report.triggered) else { continue };
        let rate = |(class, row): (usize, &Vec<u64>)| {
            let wanted = attack.wanted(class, r.victim.target, row.len());
            let k = row[wanted];
            let n = row.iter().sum::<u64>();
            if wanted == class || n == 0 {
                "-".into()
            } else {
                format!("{:.1}", 100.0 * k as f64 / n as f64)
            }
        };
        let row: Vec<String> = triggered.0.iter().enumerate().map(rate).collect();
        let _ = writeln!(text, "| {} | {} |", r.cell, row.join(" | "));
    }
    text
}
