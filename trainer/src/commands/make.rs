//! Commands that make triggers and pictures of them.

use super::{Opened, known, load, open};
use crate::cli;
use crate::data::{read_picture, write_png};
use crate::trigger::{loose_pictures, make_artefact, read_artefact, record, trigger, values};
use crate::{files, sheet, usage};
use anyhow::{Context, Result};
use std::sync::Arc;
use unstamp_shared::attacks::{ATTACKS, Needs};
use unstamp_shared::poison::{Trigger, TriggerRecord};

pub fn craft(args: cli::Craft) -> Result<()> {
    let Opened { arrays, data, arch, .. } = open(&args.subject)?;
    let size = (data.train.width, data.train.height);
    let trigger = trigger(&record(&args.trigger, size, args.seed)?, &data, None)?;
    let (device, _) = args.device.choose()?;
    make_artefact(&arch, &arrays, &data, &trigger, &device, &args.out, false)?;
    println!("{}", args.out.display());
    Ok(())
}

pub fn stamp(args: cli::Stamp) -> Result<()> {
    if args.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        return Err(usage(format!(
            "--out {} must end in .png: a trigger does not survive a lossy format",
            args.out.display()
        )));
    }
    let mut image = read_picture(&files::read(&args.image)?)
        .with_context(|| format!("{} cannot be read", args.image.display()))?;
    let size = (image.width, image.height);
    let record = record(&args.trigger, size, args.seed)?;
    let pictures = match known(&record.attack)?.needs() {
        Needs::Reflections => loose_pictures(args.reflections.as_deref())?,
        _ => Arc::default(),
    };
    let trigger = Trigger::new(&record, record.target + 1, size, pictures).map_err(usage)?;
    trigger.stamp(&mut image, 0);
    write_png(&args.out, &image)
}

pub fn preview(args: cli::Preview) -> Result<()> {
    let all = args.attack == "all";
    let chosen: Vec<_> = match all {
        true => ATTACKS.to_vec(),
        false => vec![known(&args.attack)?],
    };
    if all && !args.set.is_empty() {
        return Err(usage("--set needs one --attack: the parameters of all differ"));
    }
    let data = load(&args.source)?;
    let artefacts: Vec<_> =
        args.artefact.iter().map(|f| read_artefact(f)).collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for attack in chosen {
        let id = attack.method().id;
        let (set, seed) = (values(&args.set)?, args.seed);
        let made = artefacts.iter().find(|made| made.provenance.attack == id);
        let target = made.map_or(0, |made| made.provenance.target);
        let record = TriggerRecord { attack: id.to_string(), set, target, seed };
        rows.push(trigger(&record, &data, made)?);
    }
    let sheet = sheet::sheet(&data, &rows, args.images).map_err(usage)?;
    write_png(&args.out, &sheet)?;
    println!("{}", args.out.display());
    Ok(())
}
