//! `unstamp preview`: a sheet of attacks.

use super::known_attack;
use crate::args::SourceArgs;
use crate::artefact::read_artefact;
use crate::attack_sheet::attack_sheet;
use crate::data::{Dataset, write_png};
use crate::open_model::load_data;
use crate::trigger::{build_trigger, parse_values};
use crate::usage;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use unstamp_shared::attacks::{ATTACKS, Attack};
use unstamp_shared::craft::Artefact;
use unstamp_shared::poison::{Trigger, TriggerRecord};

/// Arguments of `unstamp preview`.
#[derive(Args)]
pub struct PreviewArgs {
    /// An attack, or all
    #[arg(long, default_value = Shown::ALL)]
    attack: Shown,
    /// A parameter of the attack; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "attack")]
    set: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// Artefacts of unstamp craft, to show what they make; may be given several times
    #[arg(long, value_name = "FILE")]
    artefact: Vec<PathBuf>,
    /// Number of columns, one image of a different class each
    #[arg(long, default_value_t = 4)]
    images: usize,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The PNG to write
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,
}

/// The attacks of a sheet.
#[derive(Clone)]
enum Shown {
    All,
    One(&'static dyn Attack),
}

impl Shown {
    /// The word on the command line for all attacks.
    const ALL: &str = "all";
}

impl FromStr for Shown {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        if word == Self::ALL { Ok(Self::All) } else { Ok(Self::One(known_attack(word)?)) }
    }
}

impl PreviewArgs {
    fn attacks(&self) -> Result<Vec<&'static dyn Attack>> {
        match self.attack {
            Shown::One(attack) => Ok(vec![attack]),
            Shown::All if self.set.is_empty() => Ok(ATTACKS.to_vec()),
            Shown::All => Err(usage("--set needs one --attack: the parameters of all differ")),
        }
    }

    fn trigger(&self, id: &str, data: &Dataset, artefacts: &[Artefact]) -> Result<Trigger> {
        let artefact = artefacts.iter().find(|artefact| artefact.provenance.attack == id);
        let record = TriggerRecord {
            attack: id.to_string(),
            set: parse_values(&self.set)?,
            target: artefact.map_or(0, |artefact| artefact.provenance.target),
            seed: self.seed,
        };
        build_trigger(&record, data, artefact)
    }
}

/// Draws the sheet and writes it as PNG.
///
/// # Errors
/// An attack is not known, or a trigger does not fit the data set.
pub fn preview(args: &PreviewArgs) -> Result<()> {
    let attacks = args.attacks()?;
    let data = load_data(&args.source)?;
    let artefacts = args.artefact.iter().map(|file| read_artefact(file));
    let artefacts = artefacts.collect::<Result<Vec<_>>>()?;
    let triggers = attacks.iter().map(|attack| args.trigger(attack.method().id, &data, &artefacts));
    let triggers = triggers.collect::<Result<Vec<_>>>()?;
    write_png(&args.out, &attack_sheet(&data, &triggers, args.images)?)?;
    println!("{}", args.out.display());
    Ok(())
}
