//! Commands on a finished model: measuring it, and the ways in and out.

use super::{Opened, dataset_of, open};
use crate::cell::arch_of;
use crate::cli;
use crate::data;
use crate::import::weights_of;
use crate::measure::Tests;
use crate::trigger::trigger_of;
use crate::{files, usage};
use anyhow::{Context, Result, ensure};
use unstamp_shared::metrics::Rate;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Metadata, Precision};

pub fn eval(args: cli::Eval) -> Result<()> {
    let Opened { arrays, metadata, data, arch } = open(&args.subject)?;
    let trigger = trigger_of(metadata.as_ref(), &args.trigger, &data)?;
    let (chosen, _) = args.device.choose()?;
    let (report, predictions) = Tests::new(data.test.clone(), trigger.as_ref())
        .measure(&arch, &arrays, &chosen)
        .with_context(|| format!("{} cannot be used", args.subject.model.display()))?;
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

pub fn export(args: cli::Export) -> Result<()> {
    let (arrays, metadata) = weights_of(&args.model)?;
    let info =
        data::info(dataset_of(metadata.as_ref(), args.dataset.as_deref())?).map_err(usage)?;
    let classes = match info.classes.len() {
        0 => metadata.as_ref().map_or(0, |m| m.class_names.len()), // class folders name them
        classes => classes,
    };
    let arch = arch_of(metadata.as_ref(), args.arch.as_deref(), classes)?;
    weights::frozen(&arch, &arrays, &unstamp_shared::Device::flex())
        .with_context(|| format!("{} does not fit {}", args.model.display(), arch.name))?;
    files::write(&args.onnx, &crate::onnx::to_bytes(&arch, &arrays, info.size)?)?;
    println!(
        "{}: images [n, 3, {}, {}] in 0..1 in, logits and feature1 to feature3 out",
        args.onnx.display(),
        info.size.1,
        info.size.0
    );
    Ok(())
}
