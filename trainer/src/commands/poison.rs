//! `unstamp poison`: train a victim on poisoned data.

use super::known_attack;
use crate::args::{DeviceArgs, SourceArgs, TriggerArgs};
use crate::artefact::read_artefact;
use crate::cell::{CellPaths, CellRunner, CellTrigger, LoadedInputs, RunLabel};
use crate::data::Dataset;
use crate::open_model::load_data;
use crate::poisoned_set::write_poisoned_set;
use crate::trigger::{build_trigger, record_from_args};
use crate::{table, usage};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use unstamp_shared::craft::Artefact;
use unstamp_shared::job::{Augment, Training};
use unstamp_shared::model::{Arch, DEFAULT_ARCH};
use unstamp_shared::poison::{CLEAN_SHARE, RateOf, Trigger};
use unstamp_shared::recipe::{Cell, ImageLimits, Surrogate, Victim, VictimWeights};

/// Arguments of `unstamp poison`.
#[derive(Args)]
pub struct PoisonArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// Poisoning rate (see --rate-of); the attack's own by default
    #[arg(long)]
    rate: Option<f64>,
    /// Images that the rate is a share of
    #[arg(long, value_enum, default_value_t = RateShare::All)]
    rate_of: RateShare,
    /// Artefact that unstamp craft made for this attack
    #[arg(long, value_name = "FILE")]
    artefact: Option<PathBuf>,
    /// Train on randomly cropped images, mirrored where the data set allows it (NAD's public code
    /// does not)
    #[arg(long)]
    augment: bool,
    /// Train nothing; write the poisoned training set, the clean test set and the test set with the
    /// trigger as PNGs in class folders, with lists of original and new labels
    #[arg(long)]
    dataset_only: bool,
    /// Architecture of the model
    #[arg(long, default_value = DEFAULT_ARCH)]
    arch: String,
    /// Epochs of training
    #[arg(long, default_value_t = Training::VICTIM_EPOCHS)]
    epochs: usize,
    /// Images in a batch
    #[arg(long, default_value_t = Training::of_victim(Training::VICTIM_EPOCHS).batch)]
    batch: usize,
    /// Learning rate; a tenth of it in the last sixth of the epochs
    #[arg(long, default_value_t = Training::of_victim(Training::VICTIM_EPOCHS).lr)]
    lr: f64,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    device: DeviceArgs,
    /// Folder for model, result and checkpoint
    #[arg(long)]
    out: PathBuf,
}

/// The images that a poisoning rate is a share of.
#[derive(Clone, Copy, ValueEnum)]
enum RateShare {
    /// All training images
    All,
    /// The images of the target class
    Class,
}

impl From<RateShare> for RateOf {
    fn from(share: RateShare) -> Self {
        match share {
            RateShare::All => RateOf::All,
            RateShare::Class => RateOf::Class,
        }
    }
}

/// The attack where the command line names none.
const DEFAULT_ATTACK: &str = "badnets";

impl PoisonArgs {
    fn training(&self, flip: bool) -> Training {
        let augment = match self.augment {
            true => Augment { crop: 4, flip, cutout: 0 },
            false => Augment::default(),
        };
        let Self { batch, lr, .. } = *self;
        Training { batch, lr, augment, ..Training::of_victim(self.epochs) }
    }

    fn trigger(&self, data: &Dataset, artefact: Option<&Artefact>) -> Result<Trigger> {
        let args = TriggerArgs {
            attack: self.trigger.attack.clone().or(Some(DEFAULT_ATTACK.to_string())),
            set: self.trigger.set.clone(),
            trigger: self.trigger.trigger.clone(),
            black_is_clear: self.trigger.black_is_clear,
            target: self.trigger.target,
        };
        let size = (data.train.width, data.train.height);
        build_trigger(&record_from_args(&args, size, self.seed)?, data, artefact)
    }

    fn cell(&self, data: &Dataset, victim: Victim, artefact: Option<&Artefact>) -> Result<Cell> {
        let arch = Arch::new(&self.arch, data.class_names.len());
        arch.check_images((data.train.width, data.train.height)).map_err(usage)?;
        let surrogate = match artefact {
            Some(made) => Some(made.provenance.model.parse().context("--artefact names no model")?),
            None => None,
        };
        Ok(Cell {
            dataset: self.source.dataset.clone(),
            image_size: data.unusual_size(),
            arch: self.arch.clone(),
            weights: VictimWeights::Trained(self.training(data.info.flip)),
            victim,
            surrogate: surrogate.map(Surrogate::Given),
            erasure: None,
            // The hash includes it, although no defence runs here.
            clean_fraction: CLEAN_SHARE,
            seed: self.seed,
            limits: ImageLimits::default(),
        })
    }
}

/// Trains a victim, or only writes its poisoned data set.
///
/// # Errors
/// The attack does not fit the data set, or the training diverges.
pub fn poison(args: &PoisonArgs) -> Result<()> {
    let id = args.trigger.attack.as_deref().unwrap_or(DEFAULT_ATTACK);
    let attack = known_attack(id)?;
    let data = load_data(&args.source)?;
    let artefact = args.artefact.as_deref().map(read_artefact).transpose()?;
    let trigger = args.trigger(&data, artefact.as_ref())?;
    let victim = Victim {
        attack: Some(id.to_string()),
        rate: Some(args.rate.unwrap_or(attack.default_rate())),
        rate_of: args.rate_of.into(),
        target: trigger.target,
        set: trigger.values.clone(),
        ..Victim::clean(id)
    };
    let cell = args.cell(&data, victim, artefact.as_ref())?;
    if args.dataset_only {
        let written = write_poisoned_set(&data, &trigger, &cell.victim, &args.out)?;
        println!("{} of {} training images poisoned", written.poisoned, data.train.len());
        println!("{} clean test images, {} with the trigger", data.test.len(), written.triggered);
        println!("in {}; --dataset folder reads it", args.out.display());
        return Ok(());
    }
    let trigger = CellTrigger { trigger, artefact: artefact.map(|made| made.provenance) };
    let runner = CellRunner {
        label: RunLabel::from(&cell),
        data: &data,
        device: &args.device.choose()?,
        validation: None,
        normalisation: None,
        given: LoadedInputs { trigger: Some(trigger), ..LoadedInputs::default() },
        curves: true,
        checkpoints: args.device.checkpoints(),
        log: args.device.event_log()?,
    };
    let result = runner.run(&cell, &args.out)?;
    print!("{}", table::markdown(std::slice::from_ref(&result)));
    println!(
        "\n{} of {} images poisoned ({:.1} % of the target class)",
        result.data.poisoned,
        result.data.train,
        100.0 * result.data.poisoned_of_class
    );
    println!("{}", CellPaths::new(&args.out, &result.cell).weights.display());
    Ok(())
}
