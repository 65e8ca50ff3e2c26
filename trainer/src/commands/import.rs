//! `unstamp import`: turn a PyTorch checkpoint into safetensors.

use crate::import::{Checkpoint, Origin, checkpoint_of};
use crate::measure::squared_weight_norm;
use crate::{build_info, data, files, usage};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::PathBuf;
use unstamp_shared::Device;
use unstamp_shared::manifest::ModelRole;
use unstamp_shared::model::weights::{self, Metadata, Precision};
use unstamp_shared::model::{Arch, DEFAULT_ARCH};

/// Arguments of `unstamp import`.
#[derive(Args)]
pub struct ImportArgs {
    /// A .pth, .pth.tar, .pt or .safetensors file, such as BackdoorBench's attack_result.pt
    file: PathBuf,
    /// The safetensors file to write
    #[arg(long)]
    out: PathBuf,
    #[arg(long, help = format!(
        "Architecture; read from the file by default, {DEFAULT_ARCH} if the file names none"
    ))]
    arch: Option<String>,
    /// Data set whose classes the model predicts; what the file says by default, or else cifar10
    #[arg(long)]
    dataset: Option<String>,
    /// Mean of the three channels, if the network expects normalised input; by default that of the network's
    /// first layer if it normalises, that of BackdoorBench for its own results, and none for other files
    /// (0,0,0 and --std 1,1,1 stand for none)
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', requires = "std")]
    mean: Option<Vec<f32>>,
    /// Standard deviation of the three channels; by default as for --mean
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', requires = "mean")]
    std: Option<Vec<f32>>,
}

/// The numbers of `--mean` or `--std`, one for each channel.
fn three(list: &[f32]) -> Result<[f32; 3]> {
    <[f32; 3]>::try_from(list).map_err(|_| {
        usage(format!(
            "--mean and --std take three numbers with commas between, not {}",
            list.len()
        ))
    })
}

impl ImportArgs {
    /// Mean and deviation of the command line, or those of the network's own layer, or those of
    /// BackdoorBench for a result of it.
    fn normalisation(&self, checkpoint: &Checkpoint) -> Result<Option<[[f32; 3]; 2]>> {
        let (Some(mean), Some(std)) = (&self.mean, &self.std) else {
            let origin = &checkpoint.origin;
            let usual = || origin.normalisation(self.dataset(origin));
            return Ok(checkpoint.normalisation.or_else(usual));
        };
        let mean = three(mean)?;
        let std = three(std)?;
        if std.iter().any(|v| *v <= 0.0) {
            return Err(usage("--std must be above 0"));
        }
        Ok(Some([mean, std]))
    }

    /// The data set of the command line, or that of the file.
    fn dataset<'a>(&'a self, origin: &'a Origin) -> &'a str {
        self.dataset.as_deref().or(origin.dataset.as_deref()).unwrap_or("cifar10")
    }

    /// The architecture of the command line, or that of the file.
    fn arch<'a>(&'a self, origin: &'a Origin) -> &'a str {
        self.arch.as_deref().or(origin.arch.as_deref()).unwrap_or(DEFAULT_ARCH)
    }
}

/// Reads a checkpoint, checks that it fits its architecture, and writes it with metadata.
///
/// # Errors
/// The file cannot be read or does not fit.
pub fn import(args: &ImportArgs) -> Result<()> {
    let checkpoint = checkpoint_of(&args.file)?;
    let arrays = &checkpoint.arrays;
    if let Some(first) = checkpoint.skipped.first() {
        let count = checkpoint.skipped.len();
        log::warn!("import: left out as no floating-point numbers: {count}, such as {first}");
    }
    let dataset = args.dataset(&checkpoint.origin);
    let info = data::info(dataset).map_err(usage)?;
    ensure!(!info.classes.is_empty(), "--dataset {dataset} has no fixed classes");
    let classes = info.classes.len();
    if let Some(count) = checkpoint.origin.num_classes {
        ensure!(
            count == classes,
            "{} has {count} classes, but {dataset} has {classes}; name its data set with --dataset",
            args.file.display()
        );
    }
    let normalisation = args.normalisation(&checkpoint)?;
    let name = args.arch(&checkpoint.origin).to_string();
    let arch = Arch { normalisation, ..Arch::new(name, classes) };
    arch.describe().map_err(usage)?;
    weights::network(&arch, arrays, &Device::flex()).with_context(|| {
        let other = if args.arch.is_none() && checkpoint.origin.arch.is_none() {
            "; name its architecture with --arch (unstamp list shows all)"
        } else {
            ""
        };
        format!("{} does not fit {} with {classes} classes{other}", args.file.display(), arch.name)
    })?;
    let metadata = Metadata {
        arch: arch.name,
        dataset: dataset.to_string(),
        class_names: info.classes.iter().map(|c| c.to_string()).collect(),
        role: Some(ModelRole::Imported),
        normalisation,
        version: Some(build_info::VERSION.to_string()),
        commit: build_info::commit(),
        squared_weight_norm: Some(squared_weight_norm(arrays)),
        ..Metadata::default()
    };
    files::write(&args.out, &weights::to_bytes(arrays, Precision::F32, &metadata))?;
    println!("{} arrays in {}", arrays.len(), args.out.display());
    if let Some([mean, std]) = normalisation {
        println!("the model expects channels of mean {mean:?} and deviation {std:?}");
    }
    Ok(())
}
