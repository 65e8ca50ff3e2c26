//! Results as comma-separated values for other programs. Rates are fractions.

use anyhow::Result;
use unstamp_shared::metrics::Rate;
use unstamp_shared::result::CellResult;

/// ACC and ASR on some test images after every epoch, and at the points of a curve between two models.
/// A point has the phase `points`, and its position stands in the column `epoch`.
///
/// # Errors
/// The writer fails.
pub fn curves(results: &[CellResult]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["cell", "phase", "epoch", "acc", "asr"])?;
    for r in results {
        let epochs = r.curve.iter().map(|e| (e.phase.as_str(), e.epoch.to_string(), e.rates));
        let points = r.points.iter().map(|(at, rates)| ("points", at.to_string(), Some(*rates)));
        for (phase, at, rates) in epochs.chain(points) {
            let Some(rates) = rates else { continue };
            let asr = rates.asr.map_or(String::new(), |asr| asr.to_string());
            writer.write_record([&r.cell, phase, &at, &rates.acc.to_string(), &asr])?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// One row for each cell.
///
/// # Errors
/// The writer fails.
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
        "passes",
        "recipe_hash",
        "recovered_class",
        "recovered_asr",
        "recovered_distance",
    ])?;
    for r in results {
        let text = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
        let value = |rate: Option<Rate>| text(rate.map(|r| r.value));
        writer.write_record([
            r.cell.clone(),
            r.seed.to_string(),
            r.report.acc.value.to_string(),
            value(r.report.asr),
            value(r.report.floor),
            value(r.report.ra),
            text(r.der),
            r.report.acc.n.to_string(),
            r.report.asr.map_or(String::new(), |a| a.n.to_string()),
            r.minutes.to_string(),
            r.passes.to_string(),
            r.recipe_hash.clone(),
            text(r.recovered.map(|found| found.target as f64)),
            text(r.recovered.map(|found| found.asr)),
            text(r.recovered.and_then(|found| found.distance)),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
