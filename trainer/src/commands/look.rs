//! `unstamp attention`: where models look, as text, JSON or a figure.

use super::{Opened, open};
use crate::cell::arch_of;
use crate::cli::{self, Show};
use crate::data::{Dataset, write_png};
use crate::grid::{Row, grid};
use crate::import::weights_of;
use crate::measure::ATTENTION_SAMPLE;
use crate::trigger::trigger_of;
use crate::usage;
use anyhow::{Context, Result};
use std::path::Path;
use unstamp_shared::Device;
use unstamp_shared::attention::{Look, Operator, look};
use unstamp_shared::defences::nba;
use unstamp_shared::heat;
use unstamp_shared::image::Image;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::model::{Arch, Output, batch, weights};
use unstamp_shared::poison::Trigger;
use unstamp_shared::pseudo::Pseudo;

pub fn attention(args: cli::Attention) -> Result<()> {
    let Opened { arrays, metadata, data, arch } = open(&args.subject)?;
    let count = data.test.len();
    if args.image >= count {
        return Err(usage(format!(
            "--image {} is not below {count}, the number of test images",
            args.image
        )));
    }
    let trigger = trigger_of(metadata.as_ref(), &args.trigger, &data)?;
    let (chosen, _) = args.device.choose()?;
    let mut image = data.test.image(args.image);
    if let Some(trigger) = trigger.as_ref().filter(|_| !args.clean) {
        trigger.stamp(&mut image, args.image);
    }
    let input = |device: &Device| {
        batch(&data.test, &[0], device, |_, pixels| pixels.copy_from_slice(&image.pixels))
    };
    let device = chosen.device;
    if let (Some(out), Show::Pseudo) = (&args.out, args.show) {
        let trigger = trigger.ok_or_else(|| {
            usage("--show pseudo needs a trigger; --attack gives one".to_string())
        })?;
        return liken((&arch, &arrays), &data, &trigger, args.image, out, &device);
    }
    if let Some(out) = &args.out {
        let mut models = vec![(&args.subject.model, arrays, metadata, arch)];
        for path in &args.and {
            let (arrays, metadata) = weights_of(path)?;
            let arch = arch_of(metadata.as_ref(), None, data.class_names.len())?;
            models.push((path, arrays, metadata, arch));
        }
        let mut rows = Vec::new();
        for (path, arrays, metadata, arch) in models {
            let network = weights::frozen(&arch, &arrays, &device)
                .with_context(|| format!("{} cannot be used", path.display()))?;
            let role = metadata.map(|m| m.role).filter(|role| !role.is_empty());
            let name = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            let title = role.or(name).unwrap_or_default();
            rows.extend(shown(&title, &image, network.forward(input(&device)), args.show)?);
        }
        write_png(out, &grid(&rows))?;
        println!("{}", out.display());
        return Ok(());
    }
    let network = weights::frozen(&arch, &arrays, &device)?;
    let look = pollster::block_on(look(&network, input(&device)))?;
    if args.json {
        println!("{}", serde_json::to_string(&look)?);
        return Ok(());
    }
    tell(&look, &data, args.image);
    Ok(())
}

/// NBA figure 4: an image as it is, triggered and as a pseudo sample, and how alike they are.
fn liken(
    (arch, arrays): (&Arch, &Arrays),
    data: &Dataset,
    trigger: &Trigger,
    index: usize,
    out: &Path,
    device: &Device,
) -> Result<()> {
    let pseudo = Pseudo::new(arch, arrays, nba::usual_attack(), device)?;
    let network = weights::frozen(arch, arrays, device)?;
    let clean = data.test.image(index);
    let mut triggered = clean.clone();
    trigger.stamp(&mut triggered, index);
    let sample = pollster::block_on(pseudo.picture(&data.test, index))?;
    let mut rows = Vec::new();
    for (title, image) in [("clean", clean), ("triggered", triggered), ("pseudo", sample)] {
        let input = batch(&data.test, &[0], device, |_, p| p.copy_from_slice(&image.pixels));
        rows.extend(shown(title, &image, network.forward(input), Show::Groups)?);
    }
    write_png(out, &grid(&rows))?;
    let some = data.test.places(ATTENTION_SAMPLE);
    let like = pollster::block_on(pseudo.likeness(&data.test, &some, trigger))?;
    let target = &data.class_names[trigger.target];
    println!("{}", out.display());
    println!("{} of {} pseudo samples are predicted as {target}", like.as_target, like.images);
    if like.as_target > 0 {
        println!("cosine between their last group's features and those of the same images");
        println!("  with the trigger     {:.3}", like.to_poisoned);
        println!("  as they are          {:.3}", like.to_clean);
    }
    Ok(())
}

/// Channels in a row of the figure of all channels.
const CHANNELS: usize = 16;

/// The rows a model takes in a figure: the image, then its maps over it.
fn shown(title: &str, image: &Image, output: Output, show: Show) -> Result<Vec<Row>> {
    let last = output.features.last().context("a network has features")?.clone();
    let groups: Vec<[usize; 4]> = output.features.iter().map(|f| f.dims()).collect();
    let maps = match show {
        Show::Groups | Show::Pseudo => {
            output.features.into_iter().map(|f| Operator::Sum2.map(f).flatten(0, 1)).collect()
        }
        Show::Operators => {
            let named = ["mean", "mean2", "sum", "sum2", "sum4"].iter();
            let operators = named.filter_map(|name| Operator::named(name));
            operators.map(|o| o.map(last.clone()).flatten(0, 1)).collect()
        }
        Show::Channels => {
            let [_, channels, h, w] = last.dims();
            let flat = last.abs().reshape([channels, h * w]);
            (0..channels).map(|c| flat.clone().narrow(0, c, 1).flatten(0, 1)).collect()
        }
    };
    let maps = pollster::block_on(weights::read(maps))?;
    let shapes = match show {
        Show::Groups | Show::Pseudo => groups,
        Show::Operators | Show::Channels => groups[groups.len() - 1..].repeat(maps.len()),
    };
    let maps: Vec<Image> = maps
        .iter()
        .zip(shapes)
        .map(|(map, [_, _, height, width])| heat::over(image, map, width, height))
        .collect();
    if show == Show::Channels {
        let row = |(i, maps): (usize, &[Image])| {
            (if i == 0 { title.to_string() } else { String::new() }, maps.to_vec())
        };
        return Ok(maps.chunks(CHANNELS).enumerate().map(row).collect());
    }
    Ok(vec![(title.to_string(), std::iter::once(image.clone()).chain(maps).collect())])
}

fn tell(look: &Look, data: &Dataset, image: usize) {
    println!("test image {image}: {}", data.class_names[usize::from(data.test.labels[image])]);
    for (name, probability) in data.class_names.iter().zip(&look.probabilities) {
        println!("{name:<20} {:6.2} %", 100.0 * probability);
    }
    for (group, map) in look.maps.iter().enumerate() {
        let side = map.len().isqrt();
        let largest = map.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        println!("attention of group {}", group + 1);
        for row in map.chunks(side) {
            let shade = |v: &f32| {
                [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"][(9.0 * v / largest) as usize]
            };
            println!("  {}", row.iter().map(|v| shade(v).repeat(2)).collect::<String>());
        }
    }
}
