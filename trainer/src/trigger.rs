//! Triggers: from a model's metadata or the command line, with what they are made from.

use crate::cli::TriggerArgs;
use crate::data::{Dataset, read_sprite};
use crate::device::Chosen;
use crate::{files, progress, usage};
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use unstamp_shared::attacks::{Pictures, attack};
use unstamp_shared::craft::{self, Artefact, Workshop};
use unstamp_shared::method::{Accepts, Value, Values};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, Metadata};
use unstamp_shared::poison::{Trigger, TriggerRecord};
use unstamp_shared::seed::Seed;

/// Reads `key=value` pairs.
pub fn values(pairs: &[String]) -> Result<Values> {
    Values::parse(pairs.iter().map(String::as_str)).map_err(usage)
}

/// Parameters given on the command line: `--set`, and `--trigger` for the attack's picture.
fn given(args: &TriggerArgs, id: &str, size: (usize, usize)) -> Result<Values> {
    let mut values = values(&args.set)?;
    let Some(path) = &args.trigger else { return Ok(values) };
    let params = attack(id).map(|a| a.params()).unwrap_or_default();
    let picture = params.iter().find(|p| matches!(p.accepts, Accepts::Picture { .. }));
    let picture = picture.ok_or_else(|| usage(format!("--trigger: {id} takes no picture")))?;
    let sprite = read_sprite(path, size).map_err(usage)?;
    values.0.insert(picture.id.to_string(), Value::Text(sprite.to_string()));
    Ok(values)
}

/// The trigger the command line names, for images of `size`.
pub fn record(args: &TriggerArgs, size: (usize, usize), seed: u64) -> Result<TriggerRecord> {
    let attack = args.attack.clone().ok_or_else(|| usage("--attack is missing"))?;
    let (set, target) = (given(args, &attack, size)?, args.target.unwrap_or(0));
    Ok(TriggerRecord { attack, set, target, seed })
}

/// The trigger in a model's metadata, with attack, parameters or target replaced where given.
pub fn trigger_of(
    metadata: Option<&Metadata>,
    args: &TriggerArgs,
    data: &Dataset,
) -> Result<Option<Trigger>> {
    let known = metadata.and_then(|m| m.trigger.as_ref());
    let Some(id) = args.attack.as_deref().or(known.map(|k| k.attack.as_str())) else {
        return Ok(None);
    };
    let same = known.filter(|k| k.attack == id);
    let size = (data.test.width, data.test.height);
    let mut set = same.map(|k| k.set.clone()).unwrap_or_default();
    set.0.extend(given(args, id, size)?.0);
    let record = TriggerRecord {
        attack: id.to_string(),
        set,
        target: args.target.or(same.map(|k| k.target)).unwrap_or(0),
        seed: same.map_or(0, |k| k.seed),
    };
    trigger(&record, data, None).map(Some)
}

/// A trigger for a data set, with an artefact where there is one.
pub fn trigger(
    record: &TriggerRecord,
    data: &Dataset,
    artefact: Option<&Artefact>,
) -> Result<Trigger> {
    let mut record = record.clone();
    let mut pictures =
        attack(&record.attack).map_or_else(Arc::default, |a| data.pictures(a, Seed(record.seed)));
    if let Some(made) = artefact {
        let print = craft::fingerprint(&data.train);
        made.check(&record.attack, record.target, &print).map_err(usage)?;
        let given = std::mem::replace(&mut record.set, made.provenance.set.clone());
        record.set.0.extend(given.0);
        record.set.0.extend(made.provenance.made.0.clone());
        if !made.pictures.is_empty() {
            pictures = Arc::new(made.pictures.clone());
        }
    }
    let size = (data.train.width, data.train.height);
    Trigger::new(&record, data.class_names.len(), size, pictures).map_err(usage)
}

/// Reads an artefact.
pub fn read_artefact(path: &Path) -> Result<Artefact> {
    Artefact::from_bytes(&files::read(path)?).map_err(|e| usage(format!("{}: {e}", path.display())))
}

/// What the trigger's attack needs, made with a clean model and written to `path`. With `keep`, what
/// was made there before under the same circumstances stays.
pub fn make_artefact(
    arch: &Arch,
    arrays: &Arrays,
    data: &Dataset,
    trigger: &Trigger,
    device: &Chosen,
    path: &Path,
    keep: bool,
) -> Result<Artefact> {
    let id = trigger.attack.method().id;
    let craft = craft::craft(id).ok_or_else(|| {
        let all: Vec<_> = craft::CRAFTS.iter().map(|craft| craft.attack()).collect();
        usage(format!("nothing is made for {id}; unstamp craft is for: {}", all.join(", ")))
    })?;
    let bar = progress::counts(&format!("craft {id}"));
    let shop = Workshop {
        arch,
        arrays,
        dataset: data.info.id,
        train: &data.train,
        device: &device.device,
        progress: &|done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        },
    };
    let there = (keep && path.exists()).then(|| read_artefact(path)).transpose()?;
    if let Some(there) = there.filter(|there| there.answers(&craft::provenance(&shop, trigger))) {
        return Ok(there);
    }
    let made = pollster::block_on(craft.make(&shop, trigger))
        .with_context(|| format!("{id} could not be made"))?;
    bar.finish_and_clear();
    for (name, value) in &made.provenance.measured {
        eprintln!("craft {id}: {} {value:.4}", name.replace('_', " "));
    }
    files::write(path, &made.to_bytes())?;
    Ok(made)
}

/// The pictures given for reflections, or drawn signs, where there is no data set.
pub fn loose_pictures(folder: Option<&Path>) -> Result<Arc<Pictures>> {
    match folder {
        Some(folder) => crate::data::pictures_in(folder),
        None => Ok(unstamp_shared::poison::sign_reflections()),
    }
}
