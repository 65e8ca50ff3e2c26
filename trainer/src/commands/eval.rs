//! `unstamp eval`: measure a model.

use crate::args::{DeviceArgs, ModelArgs, TriggerArgs};
use crate::files;
use crate::measure::{Tests, squared_weight_norm};
use crate::open_model::OpenModel;
use crate::trigger::trigger_of_model;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use unstamp_shared::metrics::{Rate, Report};

/// Arguments of `unstamp eval`.
#[derive(Args)]
pub struct EvalArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// Print JSON: every rate with value, k, n and ci95
    #[arg(long)]
    json: bool,
    /// Write index, label, clean and triggered prediction of every test image
    #[arg(long, value_name = "FILE.csv")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

/// The record that `unstamp eval --json` prints.
#[derive(Serialize)]
struct Evaluated<'a> {
    #[serde(flatten)]
    report: &'a Report,
    squared_weight_norm: f64,
}

/// Measures a model on the test images and prints its rates.
///
/// # Errors
/// The model cannot be read or does not fit the data set.
pub fn eval(args: &EvalArgs) -> Result<()> {
    let model = OpenModel::read(&args.model)?;
    let trigger = trigger_of_model(model.metadata.as_ref(), &args.trigger, &model.data)?;
    let device = args.device.choose()?;
    let (report, predictions) = Tests::new(model.data.test.clone(), trigger.as_ref())
        .measure(&model.arch, &model.arrays, &device)
        .with_context(|| format!("{} cannot be used", args.model.model.display()))?;
    if let Some(path) = &args.predictions {
        write_predictions(path, &model.data.test.labels, &predictions)?;
    }
    let norm = squared_weight_norm(&model.arrays);
    if args.json {
        let evaluated = Evaluated { report: &report, squared_weight_norm: norm };
        println!("{}", serde_json::to_string_pretty(&evaluated)?);
        return Ok(());
    }
    print_rate("ACC", "clean accuracy", Some(report.acc));
    print_rate("ASR", "triggered non-target images sent to the target", report.asr);
    print_rate("floor", "the same images without trigger sent there", report.floor);
    print_rate("RA", "triggered images given their true label", report.ra);
    println!("{:<6} {norm:6.1}    squared weight norm of the convolutions", "norm");
    Ok(())
}

fn print_rate(name: &str, meaning: &str, rate: Option<Rate>) {
    let Some(rate) = rate else { return };
    println!(
        "{name:<6} {:6.2} %  [{:.2}, {:.2}]  {} of {}  {meaning}",
        100.0 * rate.value,
        100.0 * rate.ci95[0],
        100.0 * rate.ci95[1],
        rate.k,
        rate.n
    );
}

fn write_predictions(path: &Path, labels: &[u16], predictions: &[(u16, u16)]) -> Result<()> {
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["index", "label", "clean", "triggered"])?;
    for (i, (clean, triggered)) in predictions.iter().enumerate() {
        list.serialize((i, labels[i], clean, triggered))?;
    }
    files::write(path, &list.into_inner()?)
}
