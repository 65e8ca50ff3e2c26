//! Command-line arguments that several commands share.

use crate::cell::{AbortAfter, Checkpoints};
use crate::device::{self, DeviceKind};
use crate::event_log::EventLog;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;
use unstamp_shared::datasets::ImageSize;

/// A data set on the command line.
#[derive(Args)]
pub struct SourceArgs {
    /// Data set (see unstamp list)
    #[arg(long)]
    pub dataset: String,
    /// Folder or archive of the data set (not needed for signs)
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Folder of pictures whose reflections refool uses; training images by default
    #[arg(long, value_name = "DIR")]
    pub reflections: Option<PathBuf>,
    /// Size to which images are brought: 64, or 64x48 (width x height); that of the data set by default
    #[arg(long, value_name = "PIXELS")]
    pub image_size: Option<ImageSize>,
}

/// A model and the data it is measured on.
#[derive(Args)]
pub struct ModelArgs {
    /// Weights: safetensors, or a PyTorch checkpoint
    #[arg(long)]
    pub model: PathBuf,
    /// Data set; the model's own by default
    #[arg(long)]
    pub dataset: Option<String>,
    /// Folder or archive of the data set (not needed for signs)
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Folder of pictures whose reflections refool uses; training images by default
    #[arg(long, value_name = "DIR")]
    pub reflections: Option<PathBuf>,
    /// Size to which images are brought: 64, or 64x48 (width x height); the model's own by default
    #[arg(long, value_name = "PIXELS")]
    pub image_size: Option<ImageSize>,
    /// Architecture; the model's own by default
    #[arg(long)]
    pub arch: Option<String>,
}

/// A trigger on the command line.
#[derive(Args, Default)]
pub struct TriggerArgs {
    /// Attack (see unstamp list); the model's own by default, badnets for poison. craft and stamp need it
    #[arg(long)]
    pub attack: Option<String>,
    /// A parameter of the attack; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Picture of the attack (PNG, JPEG or PPM). For custom: what is not transparent is the trigger, and a
    /// picture smaller than the image lies at its bottom right unless --set x=COLUMN and y=ROW say where its
    /// visible part lies. For blend: it is scaled to the image
    #[arg(long, value_name = "FILE")]
    pub trigger: Option<PathBuf>,
    /// Take the black pixels of --trigger as transparent, as in BackdoorBench's patches
    #[arg(long, requires = "trigger")]
    pub black_is_clear: bool,
    /// Target label; the model's own by default, otherwise 0
    #[arg(long)]
    pub target: Option<usize>,
}

/// A device on the command line.
#[derive(Args)]
pub struct DeviceArgs {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceKind::Auto)]
    pub device: DeviceKind,
    /// Seconds between checkpoints of a running job
    #[arg(long, default_value_t = 20, hide_short_help = true)]
    pub checkpoint_seconds: u64,
    /// Append every epoch and result to this file, one JSON object on each line
    #[arg(long, value_name = "FILE.jsonl", hide_short_help = true)]
    pub log: Option<PathBuf>,
    /// For tests: abort the program when a cell has written so many checkpoints
    #[arg(long, hide = true, value_name = "CELL:N")]
    pub abort_after: Option<AbortAfter>,
}

impl DeviceArgs {
    /// The device.
    ///
    /// # Errors
    /// The device is not compiled in or cannot be used.
    pub fn choose(&self) -> Result<device::ChosenDevice> {
        device::choose(self.device)
    }

    /// The log.
    ///
    /// # Errors
    /// Its file cannot be opened.
    pub fn event_log(&self) -> Result<EventLog> {
        EventLog::open(self.log.as_deref())
    }

    /// When checkpoints are written.
    pub fn checkpoints(&self) -> Checkpoints {
        let every = Duration::from_secs(self.checkpoint_seconds);
        Checkpoints { every, abort_after: self.abort_after.clone() }
    }
}
