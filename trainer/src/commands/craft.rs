//! `unstamp craft`: make an artefact with a clean model.

use crate::args::{DeviceArgs, ModelArgs, TriggerArgs};
use crate::artefact::{CraftInput, make_artefact};
use crate::open_model::OpenModel;
use crate::trigger::{build_trigger, record_from_args};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `unstamp craft`.
#[derive(Args)]
pub struct CraftArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    device: DeviceArgs,
    /// The artefact to write, for unstamp poison --artefact
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Makes the artefact of an attack and writes it.
///
/// # Errors
/// The attack needs no artefact, or the model cannot be used.
pub fn craft(args: &CraftArgs) -> Result<()> {
    let model = OpenModel::read(&args.model)?;
    let record = record_from_args(&args.trigger, model.size(), args.seed)?;
    let trigger = build_trigger(&record, &model.data, None)?;
    let input = CraftInput {
        arch: &model.arch,
        arrays: &model.arrays,
        data: &model.data,
        trigger: &trigger,
        device: &args.device.choose()?,
    };
    make_artefact(&input, &args.out)?;
    println!("{}", args.out.display());
    Ok(())
}
