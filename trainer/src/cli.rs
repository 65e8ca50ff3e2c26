//! The command line.

use crate::device;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Plants backdoors in image classifiers, measures them, and erases them.
#[derive(Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Data sets, attacks, defences and architectures, with every parameter
    List(List),
    /// Download or check a data set
    #[command(subcommand)]
    Data(Data),
    /// Train a victim on poisoned data
    Poison(Poison),
    /// Make what an attack needs from a clean model (trojan, clean_label)
    Craft(Craft),
    /// Erase a backdoor with a defence
    Erase(Erase),
    /// Measure ACC, ASR and RA of a model
    Eval(Eval),
    /// What a model predicts for an image and where it looks
    Attention(Attention),
    /// Put one trigger on one picture
    Stamp(Stamp),
    /// Draw clean, triggered and amplified difference for every attack
    Preview(Preview),
    /// Run a whole recipe; continues where it stopped
    Run(Run),
    /// Print the results in a folder
    Table(Table),
    /// Turn a PyTorch checkpoint into safetensors
    Import(Import),
    /// Write a model for other runtimes
    Export(Export),
    /// Put finished models where the page finds them
    Publish(Publish),
    /// Serve the built site on loopback
    Serve(Serve),
}

#[derive(Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Data {
    /// Download a data set from its official address (cifar10, gtsrb)
    Fetch {
        dataset: String,
        /// Folder to put it in
        #[arg(long, default_value = "data")]
        out: PathBuf,
    },
    /// Read a data set and print what it holds
    Info(Source),
}

#[derive(Args)]
pub struct Source {
    /// signs, cifar10, gtsrb or folder
    #[arg(long)]
    pub dataset: String,
    /// Folder or archive of the data set (not needed for signs)
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Folder of pictures whose reflections refool uses; training images by default
    #[arg(long, value_name = "DIR")]
    pub reflections: Option<PathBuf>,
}

/// A model and the data it is measured on.
#[derive(Args)]
pub struct Subject {
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
    /// Architecture; the model's own by default
    #[arg(long)]
    pub arch: Option<String>,
}

#[derive(Args)]
pub struct Export {
    /// Weights: safetensors, or a PyTorch checkpoint
    #[arg(long)]
    pub model: PathBuf,
    /// Data set; the model's own by default
    #[arg(long)]
    pub dataset: Option<String>,
    /// Architecture; the model's own by default
    #[arg(long)]
    pub arch: Option<String>,
    /// The ONNX file to write: images in, logits and the groups' features out
    #[arg(long, value_name = "FILE.onnx")]
    pub onnx: PathBuf,
}

/// A trigger on the command line.
#[derive(Args, Default)]
pub struct TriggerArgs {
    /// Attack (see unstamp list)
    #[arg(long)]
    pub attack: Option<String>,
    /// A parameter of the attack; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Picture of the attack: a PNG with transparency for custom, any PNG for blend
    #[arg(long, value_name = "FILE.png")]
    pub trigger: Option<PathBuf>,
    /// Target label
    #[arg(long)]
    pub target: Option<usize>,
}

#[derive(Args)]
pub struct DeviceArgs {
    /// Where to compute
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(device::NAMES))]
    pub device: String,
    /// Seconds between checkpoints of a running job
    #[arg(long, default_value_t = 20, hide_short_help = true)]
    pub checkpoint_seconds: u64,
}

impl DeviceArgs {
    /// The device, and the time between checkpoints.
    pub fn choose(&self) -> anyhow::Result<(device::Chosen, Duration)> {
        Ok((device::choose(&self.device)?, Duration::from_secs(self.checkpoint_seconds)))
    }
}

#[derive(Args)]
pub struct Poison {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// Share of the training images that is poisoned; the attack's own by default
    #[arg(long)]
    pub rate: Option<f64>,
    /// What the rate is a share of: all, class
    #[arg(long, default_value = "all")]
    pub rate_of: String,
    /// What unstamp craft made for this attack
    #[arg(long, value_name = "FILE")]
    pub artefact: Option<PathBuf>,
    /// Train on unaugmented images (the public NAD code does)
    #[arg(long)]
    pub no_augment: bool,
    /// Only write the poisoned training set (PNG and a CSV of index, original label, new label)
    #[arg(long)]
    pub dataset_only: bool,
    #[arg(long, default_value = "wrn-16-1")]
    pub arch: String,
    #[arg(long, default_value_t = 12)]
    pub epochs: usize,
    #[arg(long, default_value_t = 128)]
    pub batch: usize,
    /// Peak learning rate of the one-cycle schedule
    #[arg(long, default_value_t = 0.2)]
    pub lr: f64,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Folder for model, result and checkpoint
    #[arg(long)]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Craft {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub trigger: TriggerArgs,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// The artefact to write, for unstamp poison --artefact
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Erase {
    #[command(flatten)]
    pub subject: Subject,
    /// Defence (see unstamp list)
    #[arg(long)]
    pub defence: String,
    /// Share of the training set the defence gets
    #[arg(long, default_value_t = 0.05)]
    pub clean_fraction: f64,
    /// A parameter of the defence; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[arg(long)]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Eval {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// Print JSON: every rate with value, k, n and ci95
    #[arg(long)]
    pub json: bool,
    /// Write index, label, clean and triggered prediction of every test image
    #[arg(long, value_name = "FILE.csv")]
    pub predictions: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Args)]
pub struct Attention {
    #[command(flatten)]
    pub subject: Subject,
    /// Index of a test image
    #[arg(long, default_value_t = 0)]
    pub image: usize,
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// Leave the trigger off
    #[arg(long)]
    pub clean: bool,
    /// Print probabilities and the normalised maps of all groups as JSON
    #[arg(long, conflicts_with = "out")]
    pub json: bool,
    /// Draw the maps over the image as a PNG
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,
    /// More models for the picture, a row each; the trigger is the first model's
    #[arg(long, value_name = "MODEL", requires = "out", num_args = 1..)]
    pub and: Vec<PathBuf>,
    /// What the picture shows
    #[arg(long, value_enum, default_value_t = Show::Groups, requires = "out")]
    pub show: Show,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Show {
    /// Attention of every group (NAD figure 3)
    Groups,
    /// The last group under five operators (NAD figure 12)
    Operators,
    /// Every channel of the last group (NAD figure 11)
    Channels,
    /// The first model on the image as it is, triggered, and as NBA's pseudo sample, and how alike
    /// they are over 500 images (NBA figure 4)
    Pseudo,
}

#[derive(Args)]
pub struct Stamp {
    /// PNG, JPEG or PPM
    pub image: PathBuf,
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// Folder of pictures whose reflections refool uses; drawn signs by default
    #[arg(long, value_name = "DIR")]
    pub reflections: Option<PathBuf>,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[arg(long)]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Preview {
    /// An attack, or all
    #[arg(long, default_value = "all")]
    pub attack: String,
    /// A parameter of the attack; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "attack")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub source: Source,
    /// Artefacts of unstamp craft, to show what they make; may be given several times
    #[arg(long, value_name = "FILE")]
    pub artefact: Vec<PathBuf>,
    /// Columns: images of as many classes
    #[arg(long, default_value_t = 4)]
    pub images: usize,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Run {
    pub recipe: PathBuf,
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Folder of pictures whose reflections refool uses; training images by default
    #[arg(long, value_name = "DIR")]
    pub reflections: Option<PathBuf>,
    /// Folder for models, results and checkpoints; runs/RECIPE by default
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print the cells and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub device: DeviceArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Md,
    Csv,
    Json,
    /// A figure: ACC over ASR
    Svg,
}

#[derive(Args)]
pub struct Table {
    pub folder: PathBuf,
    #[arg(long, default_value = "md")]
    pub format: Format,
    /// ASR by the true class of the triggered images instead (NAD figure 10)
    #[arg(long, conflicts_with = "format")]
    pub per_class: bool,
    /// ACC and ASR after every epoch, and along a curve between models, as CSV instead (NAD figures
    /// 7 and 13)
    #[arg(long, conflicts_with_all = ["format", "per_class"])]
    pub curves: bool,
    /// With --format svg: ACC and ASR along the share of `clean` data, a parameter, `epoch`, or `t` on
    /// mode connectivity's curve
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["per_class", "curves", "into"])]
    pub along: Option<String>,
    /// Put the table into this document, between `<!-- table RECIPE -->` and `<!-- end -->`
    #[arg(long, value_name = "FILE.md", conflicts_with_all = ["format", "per_class", "curves"])]
    pub into: Option<PathBuf>,
}

#[derive(Args)]
pub struct Import {
    /// A .pth, .pth.tar or .safetensors file
    pub file: PathBuf,
    #[arg(long)]
    pub out: PathBuf,
    #[arg(long, default_value = "wrn-16-1")]
    pub arch: String,
    /// Data set whose classes the model knows
    #[arg(long, default_value = "cifar10")]
    pub dataset: String,
    /// Mean of the three channels, where the network expects normalised input
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', requires = "std")]
    pub mean: Option<Vec<f32>>,
    /// Standard deviation of the three channels
    #[arg(long, value_name = "R,G,B", value_delimiter = ',', requires = "mean")]
    pub std: Option<Vec<f32>>,
}

#[derive(Args)]
pub struct Publish {
    /// Folders of finished runs
    #[arg(required = true)]
    pub runs: Vec<PathBuf>,
    #[arg(long, default_value = "static/models")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct Serve {
    #[arg(default_value = "web/dist")]
    pub folder: PathBuf,
    /// 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}
