//! `unstamp import`: turn a PyTorch checkpoint into safetensors.

use crate::import::weights_of;
use crate::measure::squared_weight_norm;
use crate::{build_info, data, files, usage};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::PathBuf;
use unstamp_shared::Device;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Metadata, Precision};

/// Arguments of `unstamp import`.
#[derive(Args)]
pub struct ImportArgs {
    /// A .pth, .pth.tar or .safetensors file
    file: PathBuf,
    /// The safetensors file to write
    #[arg(long)]
    out: PathBuf,
    /// Architecture of the model
    #[arg(long, default_value = "wrn-16-1")]
    arch: String,
    /// Data set whose classes the model knows
    #[arg(long, default_value = "cifar10")]
    dataset: String,
    /// Mean of the three channels, where the network expects normalised input
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', requires = "std")]
    mean: Option<Vec<f32>>,
    /// Standard deviation of the three channels
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
    fn normalisation(&self) -> Result<Option<[[f32; 3]; 2]>> {
        let (Some(mean), Some(std)) = (&self.mean, &self.std) else { return Ok(None) };
        let mean = three(mean)?;
        let std = three(std)?;
        if std.iter().any(|v| *v <= 0.0) {
            return Err(usage("--std must be above 0"));
        }
        Ok(Some([mean, std]))
    }
}

/// Reads a checkpoint, checks that it fits its architecture, and writes it with metadata.
///
/// # Errors
/// The file cannot be read or does not fit.
pub fn import(args: &ImportArgs) -> Result<()> {
    let info = data::info(&args.dataset).map_err(usage)?;
    ensure!(!info.classes.is_empty(), "--dataset {} has no fixed classes", args.dataset);
    let (arrays, _) = weights_of(&args.file)?;
    let normalisation = args.normalisation()?;
    let arch = Arch { name: args.arch.clone(), classes: info.classes.len(), normalisation };
    arch.describe().map_err(usage)?;
    weights::network(&arch, &arrays, &Device::flex()).with_context(|| {
        format!("{} does not fit {} with {} classes", args.file.display(), args.arch, arch.classes)
    })?;
    let metadata = Metadata {
        arch: args.arch.clone(),
        dataset: args.dataset.clone(),
        class_names: info.classes.iter().map(|c| c.to_string()).collect(),
        role: "imported".to_string(),
        normalisation,
        version: Some(build_info::VERSION.to_string()),
        commit: build_info::commit(),
        squared_weight_norm: Some(squared_weight_norm(&arrays)),
        ..Metadata::default()
    };
    files::write(&args.out, &weights::to_bytes(&arrays, Precision::F32, &metadata))?;
    println!("{} arrays in {}", arrays.len(), args.out.display());
    Ok(())
}
