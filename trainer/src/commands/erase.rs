//! `unstamp erase`: erase a backdoor with a defence.

use crate::args::{DeviceArgs, ModelArgs, TriggerArgs};
use crate::cell::{CellPaths, CellRunner, CellTrigger, LoadedInputs, RunLabel, StartingModel};
use crate::measure::Tests;
use crate::open_model::OpenModel;
use crate::trigger::{parse_values, trigger_of_model};
use crate::usage;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use unstamp_shared::defences::defence;
use unstamp_shared::metrics::Report;
use unstamp_shared::poison::{CLEAN_SHARE, Trigger};
use unstamp_shared::recipe::{Cell, Erasure, ImageLimits, Victim, VictimWeights, WeightsDigest};

/// Arguments of `unstamp erase`.
#[derive(Args)]
pub struct EraseArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Defence (see unstamp list)
    #[arg(long)]
    defence: String,
    /// Share of the training set the defence gets
    #[arg(long, default_value_t = CLEAN_SHARE)]
    clean_fraction: f64,
    /// A parameter of the defence; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    device: DeviceArgs,
    /// Folder for model, result and checkpoint
    #[arg(long)]
    out: PathBuf,
}

/// Name of the model to erase from, within file names.
const VICTIM: &str = "model";

impl EraseArgs {
    fn erasure(&self) -> Result<Erasure> {
        let id = &self.defence;
        let defence = defence(id)
            .ok_or_else(|| usage(format!("there is no defence '{id}'; see unstamp list")))?;
        let params = defence.params();
        let set = parse_values(&self.set)?;
        let set = set.resolve(&params).map_err(|e| usage(format!("defence {id}: {e}")))?;
        if !(self.clean_fraction > 0.0 && self.clean_fraction <= 1.0) {
            return Err(usage(format!(
                "--clean-fraction {} must be above 0 and at most 1",
                self.clean_fraction
            )));
        }
        Ok(Erasure {
            id: id.clone(),
            method: id.clone(),
            set: set.for_record(&params),
            clean: None,
            of: None,
        })
    }

    fn cell(&self, model: &OpenModel, trigger: Option<&Trigger>, erasure: Erasure) -> Cell {
        let clean = Victim::clean(VICTIM);
        let victim = match trigger {
            Some(trigger) => Victim {
                attack: Some(trigger.attack.method().id.to_string()),
                target: trigger.target,
                set: trigger.values.clone(),
                ..clean
            },
            None => clean,
        };
        Cell {
            dataset: model.data.info.id.to_string(),
            image_size: model.data.unusual_size(),
            arch: model.arch.name.clone(),
            weights: VictimWeights::Given(WeightsDigest::of(&model.arrays)),
            victim,
            surrogate: None,
            erasure: Some(erasure),
            clean_fraction: self.clean_fraction,
            seed: self.seed,
            limits: ImageLimits::default(),
        }
    }
}

/// Erases a backdoor from a model and prints its rates before and after.
///
/// # Errors
/// The defence does not exist, the model does not fit the data, or the training diverges.
pub fn erase(args: &EraseArgs) -> Result<()> {
    let erasure = args.erasure()?;
    let model = OpenModel::read(&args.model)?;
    let metadata = model.metadata.as_ref();
    let trigger = trigger_of_model(metadata, &TriggerArgs::default(), &model.data)?;
    let cell = args.cell(&model, trigger.as_ref(), erasure);
    let device = args.device.choose()?;
    let tests = Tests::new(model.data.test.clone(), trigger.as_ref());
    let (before, _) = tests.measure(&model.arch, &model.arrays, &device)?;
    drop(tests);
    let victim = StartingModel { weights: model.arrays, report: Some(before.clone()) };
    let runner = CellRunner {
        label: RunLabel::from(&cell),
        data: &model.data,
        device: &device,
        validation: None,
        normalisation: model.arch.normalisation,
        given: LoadedInputs {
            trigger: trigger.map(|trigger| CellTrigger { trigger, artefact: None }),
            victim: Some(victim),
            ..LoadedInputs::default()
        },
        curves: true,
        checkpoints: args.device.checkpoints(),
        log: args.device.event_log()?,
    };
    let result = runner.run(&cell, &args.out)?;
    print_rates("before", &before);
    print_rates("after", &result.report);
    println!("{}", CellPaths::new(&args.out, &result.cell).weights.display());
    Ok(())
}

fn print_rates(name: &str, report: &Report) {
    let asr = report.asr.map_or("-".to_string(), |asr| format!("{:.1}", 100.0 * asr.value));
    println!("{name:<10} ACC {:<6.1} ASR {asr}", 100.0 * report.acc.value);
}
