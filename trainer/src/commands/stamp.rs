//! `unstamp stamp`: put one trigger on one picture.

use super::known_attack;
use crate::args::TriggerArgs;
use crate::data::{read_picture, write_png};
use crate::trigger::{loose_pictures, record_from_args};
use crate::{files, usage};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use unstamp_shared::attacks::Needs;
use unstamp_shared::poison::Trigger;

/// Arguments of `unstamp stamp`.
#[derive(Args)]
pub struct StampArgs {
    /// PNG, JPEG or PPM
    image: PathBuf,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// Folder of pictures whose reflections refool uses; drawn signs by default
    #[arg(long, value_name = "DIR")]
    reflections: Option<PathBuf>,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The PNG to write
    #[arg(long)]
    out: PathBuf,
}

/// Stamps a picture and writes it as PNG.
///
/// # Errors
/// The picture cannot be read, the trigger does not fit it, or `--out` is no PNG.
pub fn stamp(args: &StampArgs) -> Result<()> {
    if args.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        return Err(usage(format!(
            "--out {} must end in .png: a trigger does not survive a lossy format",
            args.out.display()
        )));
    }
    let mut image = read_picture(&files::read(&args.image)?)
        .with_context(|| format!("{} cannot be read", args.image.display()))?;
    let size = (image.width, image.height);
    let record = record_from_args(&args.trigger, size, args.seed)?;
    let pictures = match known_attack(&record.attack)?.needs() {
        Needs::Reflections => loose_pictures(args.reflections.as_deref())?,
        _ => Arc::default(),
    };
    let trigger = Trigger::new(&record, record.target + 1, size, pictures).map_err(usage)?;
    trigger.stamp(&mut image, 0);
    write_png(&args.out, &image)
}
