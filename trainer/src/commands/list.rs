//! `unstamp list`: everything that can be chosen, with its parameters.

use crate::device::DeviceKind;
use anyhow::Result;
use clap::{Args, ValueEnum};
use unstamp_shared::catalog::catalog;
use unstamp_shared::method::{Accepts, Param};

/// Arguments of `unstamp list`.
#[derive(Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Longest default that is printed whole.
const LONGEST_DEFAULT: usize = 13;

fn print_params(params: &[Param]) {
    for p in params {
        let accepts = match &p.accepts {
            Accepts::Int { min, max } => format!("{min}..{max}"),
            Accepts::Float { min, max } => format!("{min}..{max}"),
            Accepts::Choice(options) => options.join("|"),
            Accepts::Picture { .. } => "WxH+X+Y:base64".to_string(),
        };
        let mut default = p.default.to_string();
        if default.len() > LONGEST_DEFAULT {
            default = default.chars().take(LONGEST_DEFAULT - 2).chain("..".chars()).collect();
        }
        println!("    {:<13} {accepts:<26} default {default:<13} {}", p.id, p.help);
    }
}

/// Prints data sets, attacks, defences, architectures and devices.
///
/// # Errors
/// None that a user can cause.
pub fn list(args: &ListArgs) -> Result<()> {
    let catalog = catalog()?;
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
    let devices = DeviceKind::value_variants().iter().map(DeviceKind::to_string);
    println!("Devices\n  {}", devices.collect::<Vec<_>>().join(" "));
    Ok(())
}
