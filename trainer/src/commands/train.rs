//! Commands that train: victims, erasures, whole recipes.

use super::{Opened, known, load, open};
use crate::cell::{Bench, Place};
use crate::cli::{self, TriggerArgs};
use crate::data::{Dataset, write_png};
use crate::measure::Tests;
use crate::trigger::{self, read_artefact, trigger_of, values};
use crate::{files, table, usage};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::datasets::Split;
use unstamp_shared::defences::defence;
use unstamp_shared::job::{Augment, Schedule, Training};
use unstamp_shared::metrics::Rate;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Precision};
use unstamp_shared::poison::{Draw, RateOf, Trigger, poison as poisoned, select};
use unstamp_shared::recipe::{Cell, Erasure, Recipe, Victim};
use unstamp_shared::result::CellResult;

/// A recipe of one cell, made from command-line arguments.
fn single(
    dataset: &str,
    arch: &str,
    train: Training,
    victim: Victim,
    clean_fraction: f64,
) -> Recipe {
    Recipe {
        erase_clean: false,
        skip_curves: false,
        name: "command".to_string(),
        about: String::new(),
        dataset: dataset.to_string(),
        data_note: String::new(),
        arch: arch.to_string(),
        seeds: vec![0],
        clean_fraction,
        train_images: None,
        test_images: None,
        validation_images: None,
        train,
        victims: vec![victim],
        defences: Vec::new(),
    }
}

/// The training `poison` uses where nothing else is asked for.
fn standard(epochs: usize, batch: usize, lr: f64, augment: Augment) -> Training {
    Training {
        epochs,
        batch,
        lr,
        schedule: Schedule::OneCycle,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 5e-4,
        augment,
    }
}

pub fn poison(mut args: cli::Poison) -> Result<()> {
    let id = args.trigger.attack.get_or_insert("badnets".to_string()).clone();
    let method = known(&id)?;
    let rate_of = match args.rate_of.as_str() {
        "all" => RateOf::All,
        "class" => RateOf::Class,
        other => return Err(usage(format!("--rate-of {other} is neither all nor class"))),
    };
    let set = load(&args.source)?;
    let size = (set.train.width, set.train.height);
    let record = trigger::record(&args.trigger, size, args.seed)?;
    let artefact = args.artefact.as_deref().map(read_artefact).transpose()?;
    let trigger = trigger::trigger(&record, &set, artefact.as_ref())?;
    let head = artefact.map(|made| made.provenance);
    let victim = Victim {
        id: id.to_string(),
        attack: Some(id.to_string()),
        rate: Some(args.rate.unwrap_or(method.default_rate())),
        rate_of,
        draw: Draw::AnyClass,
        target: trigger.target,
        set: trigger.values.clone(),
        // The weights it was made with, so that another artefact is another cell.
        surrogate: head.as_ref().map(|head| head.model[..12].to_string()),
        epochs: None,
        augment: None,
        robust: None,
    };
    let augment = Augment { crop: 4, flip: set.info.flip, cutout: 0 };
    let augment = if args.no_augment { Augment::default() } else { augment };
    let train = standard(args.epochs, args.batch, args.lr, augment);
    let recipe = single(&args.source.dataset, &args.arch, train, victim, 0.05);
    Arch { name: args.arch.clone(), classes: set.class_names.len(), normalisation: None }
        .config()
        .map_err(usage)?;
    let cell = Cell { seed: args.seed, victim: recipe.victims[0].clone(), erasure: None };
    if args.dataset_only {
        return write_poisoned(&set, &trigger, &cell.victim, &args.out);
    }
    let (chosen, checkpoint) = args.device.choose()?;
    let bench = Bench {
        recipe: &recipe,
        data: &set,
        device: &chosen,
        validation: None,
        normalisation: None,
        given: Some((trigger, head)),
        checkpoint,
    };
    let result = bench.run(&cell, &args.out, None)?;
    print!("{}", table::markdown(std::slice::from_ref(&result)));
    println!(
        "\n{} of {} images poisoned ({:.1} % of the target class)",
        result.data.poisoned,
        result.data.train,
        100.0 * result.data.poisoned_of_class
    );
    println!("{}", Place::new(&args.out, &result.cell).weights.display());
    Ok(())
}

/// The poisoned training set as class folders of PNGs and a list.
fn write_poisoned(set: &Dataset, trigger: &Trigger, victim: &Victim, out: &Path) -> Result<()> {
    let rate = victim.rate.unwrap_or_default();
    let chosen =
        select(&set.train.labels, trigger, rate, victim.rate_of, victim.draw).map_err(usage)?;
    let split = poisoned(&set.train, trigger, &chosen).map_err(usage)?;
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["index", "original_label", "new_label", "poisoned", "file"])?;
    for i in 0..split.len() {
        let file = format!("train/{}/{i:06}.png", set.class_names[usize::from(split.labels[i])]);
        write_png(&out.join(&file), &split.image(i))?;
        let poisoned = u8::from(chosen.binary_search(&i).is_ok());
        list.write_record([
            i.to_string(),
            set.train.labels[i].to_string(),
            split.labels[i].to_string(),
            poisoned.to_string(),
            file,
        ])?;
    }
    files::write(&out.join("poisoned.csv"), &list.into_inner()?)?;
    println!("{} of {} images poisoned, in {}", chosen.len(), split.len(), out.display());
    Ok(())
}

pub fn erase(args: cli::Erase) -> Result<()> {
    let method = defence(&args.defence).ok_or_else(|| {
        usage(format!("there is no defence '{}'; see unstamp list", args.defence))
    })?;
    let set = values(&args.set)?
        .resolve(&method.params())
        .map_err(|e| usage(format!("defence {}: {e}", args.defence)))?
        .recorded(&method.params());
    if !(args.clean_fraction > 0.0 && args.clean_fraction <= 1.0) {
        return Err(usage(format!(
            "--clean-fraction {} must be above 0 and at most 1",
            args.clean_fraction
        )));
    }
    let Opened { arrays, metadata, data, arch } = open(&args.subject)?;
    let trigger = trigger_of(metadata.as_ref(), &TriggerArgs::default(), &data)?;
    let victim = Victim {
        id: "model".to_string(),
        attack: trigger.as_ref().map(|t| t.attack.method().id.to_string()),
        rate: None,
        rate_of: RateOf::All,
        draw: Draw::AnyClass,
        target: trigger.as_ref().map_or(0, |t| t.target),
        set: trigger.as_ref().map(|t| t.values.clone()).unwrap_or_default(),
        surrogate: None,
        epochs: None,
        augment: None,
        robust: None,
    };
    let recipe = single(
        data.info.id,
        &arch.name,
        standard(1, 1, 1.0, Augment::default()),
        victim,
        args.clean_fraction,
    );
    let victim = Cell { seed: args.seed, victim: recipe.victims[0].clone(), erasure: None };
    let (id, method) = (args.defence.clone(), args.defence.clone());
    let erasure = Erasure { id, method, set, clean: None, of: None };
    let cell = Cell { erasure: Some(erasure), ..victim.clone() };
    let (chosen, checkpoint) = args.device.choose()?;
    // The cell takes its victim from beside its result.
    let copy = Place::new(&args.out, &victim.name()).weights;
    let head = metadata.unwrap_or_default();
    files::write(&copy, &weights::to_bytes(&arrays, Precision::F32, &head))?;
    let tests = Tests::new(data.test.clone(), trigger.as_ref());
    let (before, _) = tests.measure(&arch, &arrays, &chosen)?;
    let bench = Bench {
        recipe: &recipe,
        data: &data,
        device: &chosen,
        validation: None,
        normalisation: arch.normalisation,
        given: trigger.map(|trigger| (trigger, None)),
        checkpoint,
    };
    let result = bench.run(&cell, &args.out, None)?;
    let line = |name: &str, acc: Rate, asr: Option<Rate>| {
        println!(
            "{name:<10} ACC {:<6.1} ASR {}",
            100.0 * acc.value,
            asr.map_or("-".into(), |a| format!("{:.1}", 100.0 * a.value))
        );
    };
    line("before", before.acc, before.asr);
    line("after", result.report.acc, result.report.asr);
    println!("{}", Place::new(&args.out, &result.cell).weights.display());
    Ok(())
}

/// The images a recipe keeps for the choice of settings; what it spreads over all is taken out of `train`.
fn apart(train: &mut Split, recipe: &Recipe) -> Result<Option<Split>> {
    let Some(count) = recipe.validation_images else { return Ok(None) };
    let apart = match recipe.train_images {
        Some(front) => {
            let behind = front.min(train.len())..(front + count).min(train.len());
            train.subset(&behind.collect::<Vec<_>>())
        }
        None => train.part(count),
    };
    let (left, kept) = (train.len(), apart.len());
    ensure!(
        left > 0 && kept > 0,
        usage(format!(
            "validation_images = {count} leaves {left} images to train on, {kept} to choose by"
        ))
    );
    Ok(Some(apart))
}

pub fn run(args: cli::Run) -> Result<()> {
    let text = files::text(&args.recipe)?;
    let recipe =
        Recipe::parse(&text).map_err(|e| usage(format!("{}: {e}", args.recipe.display())))?;
    let cells = recipe.cells();
    if args.dry_run {
        println!("recipe {} ({}), {} cells", recipe.name, recipe.hash(), cells.len());
        cells.iter().for_each(|cell| println!("  {} ({})", cell.name(), recipe.cell_hash(cell)));
        return Ok(());
    }
    let out = args.out.unwrap_or_else(|| Path::new("runs").join(&recipe.name));
    let (dataset, data, reflections) = (recipe.dataset.clone(), args.data, args.reflections);
    let mut data = load(&cli::Source { dataset, data, reflections })?;
    let validation = apart(&mut data.train, &recipe)?;
    let (chosen, checkpoint) = args.device.choose()?;
    let bench = Bench {
        recipe: &recipe,
        data: &data,
        device: &chosen,
        validation,
        normalisation: None,
        given: None,
        checkpoint,
    };
    let mut victim: Option<CellResult> = None;
    let (mut results, mut failed) = (Vec::new(), Vec::new());
    for cell in &cells {
        if cell.erasure.is_none() {
            victim = None;
        }
        let result =
            bench.run(cell, &out, victim.as_ref()).with_context(|| format!("cell {}", cell.name()));
        let result = match result {
            // The others do not need it: a setting that diverges ends no study.
            Err(error) if cell.erasure.is_some() => {
                eprintln!("unstamp: {error:#}");
                failed.push(cell.name());
                continue;
            }
            other => other?,
        };
        if cell.erasure.is_none() {
            victim = Some(result.clone());
        }
        results.push(result);
    }
    println!("{}", table::markdown(&results));
    ensure!(
        failed.is_empty(),
        "{} of {} cells failed, for the reasons above: {}",
        failed.len(),
        cells.len(),
        failed.join(", ")
    );
    Ok(())
}
