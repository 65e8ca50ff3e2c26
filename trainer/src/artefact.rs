//! Artefact files: pictures or parameters that are made with a clean model before an attack is
//! planted.

use crate::data::Dataset;
use crate::device::ChosenDevice;
use crate::{build_info, files, progress, usage};
use anyhow::{Context, Result};
use std::path::Path;
use unstamp_shared::craft::{self, Artefact, Craft, CraftContext};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::poison::Trigger;

/// Model, data and trigger that an artefact is made from.
pub struct CraftInput<'a> {
    /// Architecture of the clean model.
    pub arch: &'a Arch,
    /// Weights of the clean model.
    pub arrays: &'a Arrays,
    /// The data set whose training images are used.
    pub data: &'a Dataset,
    /// The trigger, whose parameters say how the artefact is made.
    pub trigger: &'a Trigger,
    /// Where to compute.
    pub device: &'a ChosenDevice,
}

impl CraftInput<'_> {
    fn attack(&self) -> &'static str {
        self.trigger.attack.method().id
    }

    fn craft(&self) -> Result<&'static dyn Craft> {
        craft::craft(self.attack()).ok_or_else(|| {
            let all: Vec<_> = craft::CRAFTS.iter().map(|craft| craft.attack()).collect();
            let id = self.attack();
            usage(format!("nothing is made for {id}; unstamp craft is for: {}", all.join(", ")))
        })
    }

    fn context<'a>(&'a self, progress: &'a dyn Fn(usize, usize)) -> CraftContext<'a> {
        CraftContext {
            arch: self.arch,
            arrays: self.arrays,
            dataset: self.data.info.id,
            train: &self.data.train,
            device: &self.device.device,
            progress,
        }
    }
}

/// Reads an artefact.
///
/// # Errors
/// The file cannot be read or is not an artefact.
pub fn read_artefact(path: &Path) -> Result<Artefact> {
    Artefact::from_bytes(&files::read(path)?).map_err(|e| usage(format!("{}: {e}", path.display())))
}

/// Makes the artefact of the trigger's attack and writes it to `path`.
///
/// # Errors
/// The attack needs no artefact, the model cannot be used, or the file cannot be written.
pub fn make_artefact(input: &CraftInput, path: &Path) -> Result<Artefact> {
    let craft = input.craft()?;
    let id = input.attack();
    let bar = progress::counts(&format!("craft {id}"));
    let show = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let mut made = pollster::block_on(craft.make(&input.context(&show), input.trigger))
        .with_context(|| format!("{id} could not be made"))?;
    bar.finish_and_clear();
    for (name, value) in &made.provenance.measured {
        log::info!("craft {id}: {} {value:.4}", name.replace('_', " "));
    }
    made.provenance.version = Some(build_info::VERSION.to_string());
    made.provenance.commit = build_info::commit();
    files::write(path, &made.to_bytes())?;
    Ok(made)
}

/// The artefact at `path`, if there is one that was made from the same input.
///
/// # Errors
/// Those of [`read_artefact`]; the attack needs no artefact.
pub fn existing_artefact(input: &CraftInput, path: &Path) -> Result<Option<Artefact>> {
    input.craft()?;
    if !path.exists() {
        return Ok(None);
    }
    let provenance = craft::provenance(&input.context(&|_, _| ()), input.trigger);
    Ok(Some(read_artefact(path)?).filter(|artefact| artefact.answers(&provenance)))
}
