//! Commands that show, fetch, publish and serve.

use super::load;
use crate::{cli, data, device, files, table as tables, usage};
use anyhow::{Context, Result};
use std::path::Path;
use unstamp_shared::catalog::catalog;
use unstamp_shared::datasets::Split;
use unstamp_shared::method::{Accepts, Param};

fn print_params(params: &[Param]) {
    for p in params {
        let accepts = match p.accepts {
            Accepts::Int { min, max } => format!("{min}..{max}"),
            Accepts::Float { min, max } => format!("{min}..{max}"),
            Accepts::Choice(options) => options.join("|"),
            Accepts::Picture { .. } => "WxH+X+Y:base64".to_string(),
        };
        let mut default = p.default.to_string();
        if default.len() > 13 {
            default = format!("{}..", &default[..11]);
        }
        println!("    {:<13} {accepts:<26} default {default:<13} {}", p.id, p.help);
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
            let set = load(&source)?;
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

pub fn table(args: cli::Table) -> Result<()> {
    let results = tables::results(&args.folder)?;
    if args.per_class {
        print!("{}", tables::per_class(&results));
        return Ok(());
    }
    if args.curves {
        print!("{}", tables::curves(&results)?);
        return Ok(());
    }
    if let Some(document) = args.into {
        let text = tables::placed(&files::text(&document)?, &results)
            .with_context(|| format!("nothing is changed in {}", document.display()))?;
        return files::write(&document, text.as_bytes());
    }
    if let Some(what) = args.along {
        if !matches!(args.format, cli::Format::Svg) {
            return Err(usage("--along draws a figure: give --format svg too"));
        }
        print!("{}", tables::along(&results, &tables::Along::from(what.as_str()))?);
        return Ok(());
    }
    match args.format {
        cli::Format::Md => print!("{}", tables::markdown(&results)),
        cli::Format::Csv => print!("{}", tables::csv(&results)?),
        cli::Format::Svg => print!("{}", tables::tradeoff(&results)?),
        cli::Format::Json => println!("{}", serde_json::to_string_pretty(&results)?),
    }
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
