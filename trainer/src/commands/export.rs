//! `unstamp export`: write a model for other runtimes.

use crate::import::weights_of;
use crate::open_model::{arch_of, dataset_of};
use crate::{data, files, onnx, usage};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use unstamp_shared::Device;
use unstamp_shared::datasets::ImageSize;
use unstamp_shared::model::weights;

/// Arguments of `unstamp export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Weights: safetensors, or a PyTorch checkpoint
    #[arg(long)]
    model: PathBuf,
    /// Data set; the model's own by default
    #[arg(long)]
    dataset: Option<String>,
    /// Architecture; the model's own by default
    #[arg(long)]
    arch: Option<String>,
    /// Size of the images: 64, or 64x48 (width x height); the model's own by default
    #[arg(long, value_name = "PIXELS")]
    image_size: Option<ImageSize>,
    /// The ONNX file to write: images in, logits and the groups' features out
    #[arg(long, value_name = "FILE.onnx")]
    onnx: PathBuf,
}

/// Writes a model as ONNX.
///
/// # Errors
/// The model cannot be read or does not fit its architecture.
pub fn export(args: &ExportArgs) -> Result<()> {
    let (arrays, metadata) = weights_of(&args.model)?;
    let dataset = dataset_of(metadata.as_ref(), args.dataset.as_deref())?;
    let info = data::info(dataset).map_err(usage)?;
    let classes = match info.classes.len() {
        // A data set without fixed classes takes them from its folders.
        0 => metadata.as_ref().map_or(0, |m| m.class_names.len()),
        classes => classes,
    };
    let arch = arch_of(metadata.as_ref(), args.arch.as_deref(), classes)?;
    let size = args.image_size.or(metadata.as_ref().and_then(|m| m.image_size));
    let size = size.map_or(info.size, ImageSize::pair);
    arch.check_images(size).map_err(usage)?;
    let features = arch.describe().map_err(usage)?.taps.len();
    weights::frozen(&arch, &arrays, &Device::flex())
        .with_context(|| format!("{} does not fit {}", args.model.display(), arch.name))?;
    files::write(&args.onnx, &onnx::to_bytes(&arch, &arrays, size)?)?;
    println!(
        "{}: images [n, 3, {}, {}] in 0..1 in, logits and feature1 to feature{features} out",
        args.onnx.display(),
        size.1,
        size.0
    );
    Ok(())
}
