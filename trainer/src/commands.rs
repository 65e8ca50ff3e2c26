//! What each command does.

use crate::cell::{Bench, Place, arch_of, measure, trigger_of};
use crate::cli;
use crate::data::{self, Dataset, read_picture, write_png};
use crate::import::weights_of;
use crate::{device, files, table, usage};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::attacks::attack;
use unstamp_shared::attention::look;
use unstamp_shared::catalog::catalog;
use unstamp_shared::datasets::Split;
use unstamp_shared::defences::defence;
use unstamp_shared::job::{Augment, Schedule, Training};
use unstamp_shared::method::{Accepts, Param, Values};
use unstamp_shared::metrics::Rate;
use unstamp_shared::model::weights::{self, Metadata, Precision};
use unstamp_shared::model::{Arch, batch};
use unstamp_shared::poison::{Draw, RateOf, Trigger, poison as poisoned, select};
use unstamp_shared::recipe::{Cell, Erasure, Recipe, Victim};
use unstamp_shared::result::CellResult;
use unstamp_shared::seed::Seed;

fn values(pairs: &[String]) -> Result<Values> {
    Values::parse(pairs.iter().map(String::as_str)).map_err(usage)
}

fn print_params(params: &[Param]) {
    for p in params {
        let accepts = match p.accepts {
            Accepts::Int { min, max } => format!("{min}..{max}"),
            Accepts::Float { min, max } => format!("{min}..{max}"),
            Accepts::Choice(options) => options.join("|"),
        };
        println!("    {:<13} {accepts:<26} default {:<13} {}", p.id, p.default.to_string(), p.help);
    }
}

pub fn list(args: cli::List) -> Result<()> {
    let catalog = catalog();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&catalog)?);
        return Ok(());
    }
    println!("Data sets");
    for d in &catalog.datasets {
        println!("  {:<13} {} - {}", d.id, d.title, d.source);
    }
    println!("Attacks");
    for a in &catalog.attacks {
        println!(
            "  {:<13} {} ({}; {} of the images)",
            a.method.id, a.method.summary, a.method.paper, a.rate
        );
        print_params(&a.params);
    }
    println!("Defences");
    for d in &catalog.defences {
        println!("  {:<13} {} ({})", d.method.id, d.method.summary, d.method.paper);
        print_params(&d.params);
    }
    println!("Architectures\n  {}", catalog.architectures.join(" "));
    println!("Devices\n  {}", device::NAMES.join(" "));
    Ok(())
}

pub fn data(args: cli::Data) -> Result<()> {
    match args {
        cli::Data::Fetch { dataset, out } => {
            data::info(&dataset).map_err(usage)?;
            for download in data::fetch::official(&dataset).map_err(usage)? {
                println!("{}", data::fetch::fetch(&download, &out)?.display());
            }
        }
        cli::Data::Info(source) => {
            let set = load(&source.dataset, source.data.as_deref())?;
            let (train, test) = (&set.train, &set.test);
            println!(
                "{}: {} classes, {}x{} pixels",
                set.info.title,
                set.class_names.len(),
                train.width,
                train.height
            );
            println!("{:<30} {:>8} {:>8}", "class", "train", "test");
            for (label, name) in set.class_names.iter().enumerate() {
                let count =
                    |s: &Split| s.labels.iter().filter(|l| usize::from(**l) == label).count();
                println!("{name:<30} {:>8} {:>8}", count(train), count(test));
            }
            println!("{:<30} {:>8} {:>8}", "all", train.len(), test.len());
        }
    }
    Ok(())
}

fn load(id: &str, path: Option<&Path>) -> Result<Dataset> {
    data::info(id).map_err(usage)?;
    data::load(id, path)
}

/// A recipe of one cell, made from command-line arguments.
fn single(
    dataset: &str,
    arch: &str,
    train: Training,
    victim: Victim,
    clean_fraction: f64,
) -> Recipe {
    Recipe {
        name: "command".to_string(),
        about: String::new(),
        dataset: dataset.to_string(),
        data_note: String::new(),
        arch: arch.to_string(),
        seeds: vec![0],
        clean_fraction,
        train_images: None,
        test_images: None,
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

pub fn poison(args: cli::Poison) -> Result<()> {
    let id = args.trigger.attack.as_deref().unwrap_or("badnets");
    let method =
        attack(id).ok_or_else(|| usage(format!("there is no attack '{id}'; see unstamp list")))?;
    let rate_of = match args.rate_of.as_str() {
        "all" => RateOf::All,
        "class" => RateOf::Class,
        other => return Err(usage(format!("--rate-of {other} is neither all nor class"))),
    };
    let victim = Victim {
        id: id.to_string(),
        attack: Some(id.to_string()),
        rate: Some(args.rate.unwrap_or(method.default_rate())),
        rate_of,
        draw: Draw::AnyClass,
        target: args.trigger.target.unwrap_or(0),
        set: values(&args.trigger.set)?
            .resolve(&method.params())
            .map_err(|e| usage(format!("attack {id}: {e}")))?,
        augment: None,
    };
    let set = load(&args.source.dataset, args.source.data.as_deref())?;
    let augment = Augment { crop: 4, flip: set.info.flip, cutout: 0 };
    let augment = if args.no_augment { Augment::default() } else { augment };
    let train = standard(args.epochs, args.batch, args.lr, augment);
    let recipe = single(&args.source.dataset, &args.arch, train, victim, 0.05);
    Arch { name: args.arch.clone(), classes: set.class_names.len(), normalisation: None }
        .config()
        .map_err(usage)?;
    let cell = Cell { seed: args.seed, victim: recipe.victims[0].clone(), erasure: None };
    let (chosen, checkpoint) = args.device.choose()?;
    let bench =
        Bench { recipe: &recipe, data: &set, device: &chosen, normalisation: None, checkpoint };
    if args.dataset_only {
        let trigger = bench.trigger(&cell)?.context("an attack")?;
        return write_poisoned(&set, &trigger, &cell.victim, &args.out);
    }
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
    let split = poisoned(&set.train, trigger, &chosen);
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
        .map_err(|e| usage(format!("defence {}: {e}", args.defence)))?;
    if !(args.clean_fraction > 0.0 && args.clean_fraction <= 1.0) {
        return Err(usage(format!(
            "--clean-fraction {} must be above 0 and at most 1",
            args.clean_fraction
        )));
    }
    let (arrays, metadata) = weights_of(&args.model)?;
    let dataset = args.dataset.clone().or(metadata.as_ref().map(|m| m.dataset.clone()));
    let dataset = dataset.ok_or_else(|| {
        usage("--dataset is missing: the model does not say what it was trained on")
    })?;
    let data = load(&dataset, args.data.as_deref())?;
    let arch = arch_of(metadata.as_ref(), args.arch.as_deref(), &data)?;
    let trigger = trigger_of(metadata.as_ref(), None, &Values::default(), None, &data)?;
    let victim = Victim {
        id: "model".to_string(),
        attack: trigger.as_ref().map(|t| t.attack.method().id.to_string()),
        rate: None,
        rate_of: RateOf::All,
        draw: Draw::AnyClass,
        target: trigger.as_ref().map_or(0, |t| t.target),
        set: trigger.as_ref().map(|t| t.values.clone()).unwrap_or_default(),
        augment: None,
    };
    let recipe = single(
        &dataset,
        &arch.name,
        standard(1, 1, 1.0, Augment::default()),
        victim,
        args.clean_fraction,
    );
    let victim = Cell { seed: args.seed, victim: recipe.victims[0].clone(), erasure: None };
    let erasure = Erasure { id: args.defence.clone(), method: args.defence.clone(), set };
    let cell = Cell { erasure: Some(erasure), ..victim.clone() };
    let (chosen, checkpoint) = args.device.choose()?;
    // The cell takes its victim from beside its result.
    let copy = Place::new(&args.out, &victim.name()).weights;
    let head = metadata.unwrap_or_default();
    files::write(&copy, &weights::to_bytes(&arrays, Precision::F32, &head))?;
    let (before, _) = measure(&arch, &arrays, &data.test, trigger.as_ref(), &chosen)?;
    let bench = Bench {
        recipe: &recipe,
        data: &data,
        device: &chosen,
        normalisation: arch.normalisation,
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

pub fn eval(args: cli::Eval) -> Result<()> {
    let set = values(&args.trigger.set)?;
    let (arrays, metadata) = weights_of(&args.model)?;
    let dataset = args.dataset.clone().or(metadata.as_ref().map(|m| m.dataset.clone()));
    let dataset = dataset.ok_or_else(|| {
        usage("--dataset is missing: the model does not say what it was trained on")
    })?;
    let data = load(&dataset, args.data.as_deref())?;
    let arch = arch_of(metadata.as_ref(), args.arch.as_deref(), &data)?;
    let trigger = trigger_of(
        metadata.as_ref(),
        args.trigger.attack.as_deref(),
        &set,
        args.trigger.target,
        &data,
    )?;
    let (chosen, _) = args.device.choose()?;
    let (report, predictions) = measure(&arch, &arrays, &data.test, trigger.as_ref(), &chosen)
        .with_context(|| format!("{} cannot be used", args.model.display()))?;
    if let Some(path) = &args.predictions {
        let mut list = csv::Writer::from_writer(Vec::new());
        list.write_record(["index", "label", "clean", "triggered"])?;
        for (i, (clean, triggered)) in predictions.iter().enumerate() {
            list.serialize((i, data.test.labels[i], clean, triggered))?;
        }
        files::write(path, &list.into_inner()?)?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    let line = |name: &str, what: &str, rate: Option<Rate>| {
        if let Some(r) = rate {
            let p = |v: f64| 100.0 * v;
            println!(
                "{name:<6} {:6.2} %  [{:.2}, {:.2}]  {} of {}  {what}",
                p(r.value),
                p(r.ci95[0]),
                p(r.ci95[1]),
                r.k,
                r.n
            );
        }
    };
    line("ACC", "clean accuracy", Some(report.acc));
    line("ASR", "triggered non-target images sent to the target", report.asr);
    line("floor", "the same images without trigger sent there", report.floor);
    line("RA", "triggered images given their true label", report.ra);
    Ok(())
}

pub fn attention(args: cli::Attention) -> Result<()> {
    let set = values(&args.trigger.set)?;
    let (arrays, metadata) = weights_of(&args.model)?;
    let dataset = args.dataset.clone().or(metadata.as_ref().map(|m| m.dataset.clone()));
    let dataset = dataset.ok_or_else(|| {
        usage("--dataset is missing: the model does not say what it was trained on")
    })?;
    let data = load(&dataset, args.data.as_deref())?;
    let arch = arch_of(metadata.as_ref(), None, &data)?;
    let count = data.test.len();
    if args.image >= count {
        return Err(usage(format!(
            "--image {} is not below {count}, the number of test images",
            args.image
        )));
    }
    let trigger = trigger_of(
        metadata.as_ref(),
        args.trigger.attack.as_deref(),
        &set,
        args.trigger.target,
        &data,
    )?;
    let (chosen, _) = args.device.choose()?;
    let network = weights::network(&arch, &arrays, &chosen.device)?;
    let image = batch(&data.test, &[args.image], &chosen.device, |i, pixels| {
        if let Some(trigger) = trigger.as_ref().filter(|_| !args.clean) {
            let mut image = data.test.image(i);
            trigger.stamp(&mut image, i);
            pixels.copy_from_slice(&image.pixels);
        }
    });
    let look = pollster::block_on(look(&network, image))?;
    if args.json {
        println!("{}", serde_json::to_string(&look)?);
        return Ok(());
    }
    println!(
        "test image {}: {}",
        args.image,
        data.class_names[usize::from(data.test.labels[args.image])]
    );
    for (name, probability) in data.class_names.iter().zip(&look.probabilities) {
        println!("{name:<20} {:6.2} %", 100.0 * probability);
    }
    for (group, map) in look.maps.iter().enumerate() {
        let side = (map.len() as f64).sqrt() as usize;
        let largest = map.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        println!("attention of group {}", group + 1);
        for row in map.chunks(side) {
            let shade = |v: &f32| {
                [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"][(9.0 * v / largest) as usize]
            };
            println!("  {}", row.iter().map(|v| shade(v).repeat(2)).collect::<String>());
        }
    }
    Ok(())
}

pub fn stamp(args: cli::Stamp) -> Result<()> {
    let given = values(&args.set)?;
    let mut image = read_picture(&files::read(&args.image)?)
        .with_context(|| format!("{} cannot be read", args.image.display()))?;
    let size = (image.width, image.height);
    let trigger = Trigger::new(&args.attack, &given, 0, 1, size, Seed(args.seed)).map_err(usage)?;
    trigger.stamp(&mut image, 0);
    if args.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        return Err(usage(format!(
            "--out {} must end in .png: a trigger does not survive a lossy format",
            args.out.display()
        )));
    }
    write_png(&args.out, &image)
}

pub fn run(args: cli::Run) -> Result<()> {
    let text = files::text(&args.recipe)?;
    let recipe =
        Recipe::parse(&text).map_err(|e| usage(format!("{}: {e}", args.recipe.display())))?;
    let cells = recipe.cells();
    if args.dry_run {
        println!("recipe {} ({}), {} cells", recipe.name, recipe.hash(), cells.len());
        cells.iter().for_each(|cell| println!("  {}", cell.name()));
        return Ok(());
    }
    let out = args.out.unwrap_or_else(|| Path::new("runs").join(&recipe.name));
    let data = load(&recipe.dataset, args.data.as_deref())?;
    let (chosen, checkpoint) = args.device.choose()?;
    let bench =
        Bench { recipe: &recipe, data: &data, device: &chosen, normalisation: None, checkpoint };
    let mut victim: Option<CellResult> = None;
    let mut results = Vec::new();
    for cell in &cells {
        if cell.erasure.is_none() {
            victim = None;
        }
        let result = bench
            .run(cell, &out, victim.as_ref())
            .with_context(|| format!("cell {}", cell.name()))?;
        if cell.erasure.is_none() {
            victim = Some(result.clone());
        }
        results.push(result);
    }
    println!("{}", table::markdown(&results));
    Ok(())
}

pub fn table(args: cli::Table) -> Result<()> {
    let results = table::results(&args.folder)?;
    match args.format {
        cli::Format::Md => print!("{}", table::markdown(&results)),
        cli::Format::Csv => print!("{}", table::csv(&results)?),
        cli::Format::Json => println!("{}", serde_json::to_string_pretty(&results)?),
    }
    Ok(())
}

pub fn import(args: cli::Import) -> Result<()> {
    let info = data::info(&args.dataset).map_err(usage)?;
    ensure!(!info.classes.is_empty(), "--dataset {} has no fixed classes", args.dataset);
    let (arrays, _) = weights_of(&args.file)?;
    let three = |list: Option<Vec<f32>>| {
        list.map(<[f32; 3]>::try_from).transpose().map_err(|l| {
            usage(format!(
                "--mean and --std take three numbers with commas between, not {}",
                l.len()
            ))
        })
    };
    let normalisation = three(args.mean)?.zip(three(args.std)?).map(|(mean, std)| [mean, std]);
    if normalisation.is_some_and(|[_, std]| std.iter().any(|v| *v <= 0.0)) {
        return Err(usage("--std must be above 0"));
    }
    let arch = Arch { name: args.arch.clone(), classes: info.classes.len(), normalisation };
    arch.config().map_err(usage)?;
    weights::network(&arch, &arrays, &unstamp_shared::Device::flex()).with_context(|| {
        format!("{} does not fit {} with {} classes", args.file.display(), args.arch, arch.classes)
    })?;
    let metadata = Metadata {
        arch: args.arch,
        dataset: args.dataset,
        class_names: info.classes.iter().map(|c| c.to_string()).collect(),
        role: "imported".to_string(),
        normalisation,
        ..Metadata::default()
    };
    files::write(&args.out, &weights::to_bytes(&arrays, Precision::F32, &metadata))?;
    println!("{} arrays in {}", arrays.len(), args.out.display());
    Ok(())
}

pub fn publish(args: cli::Publish) -> Result<()> {
    let runs: Vec<&Path> = args.runs.iter().map(AsRef::as_ref).collect();
    let manifest = crate::publish::publish(&runs, &args.out)?;
    println!("{} models in {}", manifest.models.len(), args.out.display());
    Ok(())
}

pub fn serve(args: cli::Serve) -> Result<()> {
    crate::serve::serve(&args.folder, args.port)
}
