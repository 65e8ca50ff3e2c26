//! Tables of results.

use crate::files;
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::path::Path;
use unstamp_shared::metrics::Rate;
use unstamp_shared::result::CellResult;

/// Every result below a folder, in the order of seed and cell.
pub fn results(folder: &Path) -> Result<Vec<CellResult>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut results = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "json") {
            let result: CellResult = serde_json::from_str(&files::text(&path)?)
                .with_context(|| format!("{} is no result of this version", path.display()))?;
            results.push(result);
        }
    }
    ensure!(
        !results.is_empty(),
        "{} holds no results; make some with unstamp run",
        folder.display()
    );
    results.sort_by(|a, b| {
        (a.seed, &a.victim.id, order(a), &a.cell).cmp(&(b.seed, &b.victim.id, order(b), &b.cell))
    });
    Ok(results)
}

/// Victims first, then erasures.
fn order(result: &CellResult) -> usize {
    usize::from(result.erasure.is_some())
}

/// `97.3 [96.5, 97.9]` in percent.
fn percent(rate: Option<Rate>) -> String {
    rate.map_or("-".to_string(), |r| {
        format!("{:.1} [{:.1}, {:.1}]", 100.0 * r.value, 100.0 * r.ci95[0], 100.0 * r.ci95[1])
    })
}

fn columns(r: &CellResult) -> [String; 10] {
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
        r.report.asr.map_or(r.report.acc.n, |a| a.n).to_string(),
        format!("{:.1}", r.minutes),
        r.seed.to_string(),
    ]
}

const HEAD: [&str; 10] =
    ["model", "defence", "ACC", "ASR", "floor", "RA", "DER", "n (ASR)", "min", "seed"];

/// A Markdown table with what all rows share above it.
pub fn markdown(results: &[CellResult]) -> String {
    let mut text = String::new();
    let first = &results[0];
    let note =
        if first.data_note.is_empty() { String::new() } else { format!(" ({})", first.data_note) };
    let _ = writeln!(
        text,
        "Recipe `{}` ({}), {}{note}, {}, {} clean images for the defences, {}, version {}. Percent with 95 % Wilson intervals.\n",
        first.recipe,
        first.recipe_hash,
        first.dataset,
        first.arch,
        results.iter().map(|r| r.data.clean_subset).max().unwrap_or(0),
        first.device,
        first.version
    );
    let _ = writeln!(text, "| {} |", HEAD.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(HEAD.len()));
    for result in results {
        let _ = writeln!(text, "| {} |", columns(result).join(" | "));
    }
    text
}

/// Comma-separated values, rates as fractions.
pub fn csv(results: &[CellResult]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "cell",
        "seed",
        "acc",
        "asr",
        "floor",
        "ra",
        "der",
        "n_acc",
        "n_asr",
        "minutes",
        "recipe_hash",
    ])?;
    for r in results {
        let value = |rate: Option<Rate>| rate.map_or(String::new(), |r| r.value.to_string());
        writer.write_record([
            r.cell.clone(),
            r.seed.to_string(),
            r.report.acc.value.to_string(),
            value(r.report.asr),
            value(r.report.floor),
            value(r.report.ra),
            r.der.map_or(String::new(), |d| d.to_string()),
            r.report.acc.n.to_string(),
            r.report.asr.map_or(String::new(), |a| a.n.to_string()),
            r.minutes.to_string(),
            r.recipe_hash.clone(),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
