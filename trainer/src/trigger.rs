//! Triggers: from a model's metadata or the command line.

use crate::args::TriggerArgs;
use crate::data::{Dataset, Placement, read_trigger_picture};
use crate::usage;
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;
use unstamp_shared::attacks::{Pictures, attack};
use unstamp_shared::craft::{self, Artefact};
use unstamp_shared::method::{Accepts, Value, Values};
use unstamp_shared::model::weights::Metadata;
use unstamp_shared::poison::{Trigger, TriggerRecord};
use unstamp_shared::seed::Seed;

/// Reads `key=value` pairs.
///
/// # Errors
/// A pair has no `=`.
pub fn parse_values(pairs: &[String]) -> Result<Values> {
    Values::parse(pairs.iter().map(String::as_str)).map_err(usage)
}

/// Parameters given on the command line: `--set`, and `--trigger` for the attack's picture.
fn given_values(args: &TriggerArgs, id: &str, size: (usize, usize)) -> Result<Values> {
    let mut values = parse_values(&args.set)?;
    let Some(path) = &args.trigger else { return Ok(values) };
    let params = attack(id).map(|a| a.params()).unwrap_or_default();
    let picture = params.iter().find(|p| matches!(p.accepts, Accepts::Picture { .. }));
    let picture = picture.ok_or_else(|| usage(format!("--trigger: {id} takes no picture")))?;
    let placement = match picture.accepts {
        Accepts::Picture { painted: true } => Placement::AsPainted,
        _ => Placement::WholeImage,
    };
    let read = read_trigger_picture(path, size, placement, args.black_is_clear).map_err(usage)?;
    if let Some((width, height)) = read.scaled_from {
        log::warn!("--trigger: scaled from {width}x{height} to {}x{} pixels", size.0, size.1);
    }
    values.0.insert(picture.id.to_string(), Value::Text(read.sprite.to_string()));
    Ok(values)
}

/// The trigger that the command line names, for images of `size` (width, height).
///
/// # Errors
/// There is no `--attack`, a parameter cannot be read, or the picture does not fit.
pub fn record_from_args(
    args: &TriggerArgs,
    size: (usize, usize),
    seed: u64,
) -> Result<TriggerRecord> {
    let attack = args.attack.clone().ok_or_else(|| usage("--attack is missing"))?;
    let set = given_values(args, &attack, size)?;
    Ok(TriggerRecord { attack, set, target: args.target.unwrap_or(0), seed })
}

/// The trigger in a model's metadata. Attack, parameters and target on the command line replace those
/// of the metadata. `None` where neither names an attack.
///
/// # Errors
/// The trigger does not fit the data set.
pub fn trigger_of_model(
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
    set.0.extend(given_values(args, id, size)?.0);
    let record = TriggerRecord {
        attack: id.to_string(),
        set,
        target: args.target.or(same.map(|k| k.target)).unwrap_or(0),
        seed: same.map_or(0, |k| k.seed),
    };
    build_trigger(&record, data, None).map(Some)
}

/// The trigger of a record for a data set. Settings of the artefact are defaults for those of the record;
/// what the artefact made (parameters, pictures) replaces both.
///
/// # Errors
/// The artefact is for another attack, target or data set, or the trigger does not fit the images.
pub fn build_trigger(
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

/// Pictures for reflections where there is no data set: those in `folder`, or drawn signs.
///
/// # Errors
/// The folder cannot be listed, or holds something other than pictures.
pub fn loose_pictures(folder: Option<&Path>) -> Result<Arc<Pictures>> {
    match folder {
        Some(folder) => crate::data::pictures_in(folder),
        None => Ok(unstamp_shared::poison::sign_reflections()),
    }
}
