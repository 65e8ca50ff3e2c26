//! `unstamp attention`: predictions and attention maps of models for one image, as text, JSON or a
//! figure.

use crate::args::{DeviceArgs, ModelArgs, TriggerArgs};
use crate::attention_figure::{Show, model_rows, pseudo_rows};
use crate::captioned_rows::captioned_rows;
use crate::data::{Dataset, write_png};
use crate::import::weights_of;
use crate::measure::ATTENTION_SAMPLE;
use crate::open_model::{OpenModel, arch_of};
use crate::trigger::trigger_of_model;
use crate::usage;
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use unstamp_shared::Device;
use unstamp_shared::attention::{Prediction, predict_with_maps};
use unstamp_shared::defences::nba;
use unstamp_shared::image::Image;
use unstamp_shared::model::weights::{self, Arrays, Metadata};
use unstamp_shared::model::{Arch, batch};
use unstamp_shared::poison::Trigger;
use unstamp_shared::pseudo::Pseudo;

/// Arguments of `unstamp attention`.
#[derive(Args)]
pub struct AttentionArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Index of a test image
    #[arg(long, default_value_t = 0)]
    image: usize,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// Leave the trigger off
    #[arg(long)]
    clean: bool,
    /// Print probabilities and the normalised maps of all groups as JSON
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// Draw the maps over the image as a PNG
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// More models for the picture, a row each; the trigger is the first model's
    #[arg(long, value_name = "MODEL", requires = "out", num_args = 1..)]
    and: Vec<PathBuf>,
    /// Content of the picture
    #[arg(long, value_enum, default_value_t = Show::Groups, requires = "out")]
    show: Show,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Prints or draws the attention of models on one test image.
///
/// # Errors
/// There is no such test image, or a model does not fit the data.
pub fn attention(args: &AttentionArgs) -> Result<()> {
    let model = OpenModel::read(&args.model)?;
    let count = model.data.test.len();
    if args.image >= count {
        return Err(usage(format!(
            "--image {} is not below {count}, the number of test images",
            args.image
        )));
    }
    let trigger = trigger_of_model(model.metadata.as_ref(), &args.trigger, &model.data)?;
    let device = args.device.choose()?.device;
    let mut image = model.data.test.image(args.image);
    if let Some(trigger) = trigger.as_ref().filter(|_| !args.clean) {
        trigger.stamp(&mut image, args.image);
    }
    match &args.out {
        Some(out) if args.show == Show::Pseudo => {
            let trigger = trigger
                .ok_or_else(|| usage("--show pseudo needs a trigger; --attack gives one"))?;
            draw_pseudo(&model, &trigger, args.image, out, &device)
        }
        Some(out) => draw_models(args, model, &image, out, &device),
        None => print_attention(args, &model, &image, &device),
    }
}

fn print_attention(
    args: &AttentionArgs,
    model: &OpenModel,
    image: &Image,
    device: &Device,
) -> Result<()> {
    let network = weights::frozen(&model.arch, &model.arrays, device)?;
    let test = &model.data.test;
    let input = batch(test, &[0], device, |_, pixels| pixels.copy_from_slice(&image.pixels));
    let prediction = pollster::block_on(predict_with_maps(&network, input))?;
    if args.json {
        println!("{}", serde_json::to_string(&prediction)?);
    } else {
        print_text(&prediction, &model.data, args.image);
    }
    Ok(())
}

/// The title of a model in a figure: its role, or the name of its file.
fn title_of(path: &Path, metadata: Option<Metadata>) -> String {
    let role = metadata.and_then(|m| m.role).map(|role| role.to_string());
    let name = path.file_stem().map(|s| s.to_string_lossy().into_owned());
    role.or(name).unwrap_or_default()
}

fn draw_models(
    args: &AttentionArgs,
    first: OpenModel,
    image: &Image,
    out: &Path,
    device: &Device,
) -> Result<()> {
    let OpenModel { arrays, metadata, data, arch } = first;
    let mut models: Vec<(&Path, Arrays, Option<Metadata>, Arch)> =
        vec![(&args.model.model, arrays, metadata, arch)];
    for path in &args.and {
        let (arrays, metadata) = weights_of(path)?;
        let arch = arch_of(metadata.as_ref(), None, data.class_names.len())?;
        models.push((path, arrays, metadata, arch));
    }
    let mut rows = Vec::new();
    for (path, arrays, metadata, arch) in models {
        let network = weights::frozen(&arch, &arrays, device)
            .with_context(|| format!("{} cannot be used", path.display()))?;
        let title = title_of(path, metadata);
        let input =
            batch(&data.test, &[0], device, |_, pixels| pixels.copy_from_slice(&image.pixels));
        rows.extend(model_rows(&title, image, network.forward(input), args.show)?);
    }
    write_png(out, &captioned_rows(&rows))?;
    println!("{}", out.display());
    Ok(())
}

/// Draws an image, its triggered copy and its pseudo sample (NBA figure 4), and prints how similar
/// their features are over many images.
fn draw_pseudo(
    model: &OpenModel,
    trigger: &Trigger,
    index: usize,
    out: &Path,
    device: &Device,
) -> Result<()> {
    let test = &model.data.test;
    let pseudo =
        Pseudo::new(&model.arch, &model.arrays, nba::AttackSettings::default().pgd(), device)?;
    let network = weights::frozen(&model.arch, &model.arrays, device)?;
    let rows = pseudo_rows(&network, &pseudo, test, trigger, index, device)?;
    write_png(out, &captioned_rows(&rows))?;
    println!("{}", out.display());
    let some = test.places(ATTENTION_SAMPLE);
    let like = pollster::block_on(pseudo.likeness(test, &some, trigger))?;
    let target = &model.data.class_names[trigger.target];
    println!("{} of {} pseudo samples are predicted as {target}", like.as_target, like.images);
    if like.as_target > 0 {
        println!("cosine between their last group's features and those of the same images");
        println!("  with the trigger     {:.3}", like.to_poisoned);
        println!("  as they are          {:.3}", like.to_clean);
    }
    Ok(())
}

/// Characters from no attention to the most.
const SHADES: [&str; 10] = [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"];

fn print_text(prediction: &Prediction, data: &Dataset, image: usize) {
    println!("test image {image}: {}", data.class_names[usize::from(data.test.labels[image])]);
    for (name, probability) in data.class_names.iter().zip(&prediction.probabilities) {
        println!("{name:<20} {:6.2} %", 100.0 * probability);
    }
    for (group, map) in prediction.maps.iter().enumerate() {
        let largest = map.values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        println!("attention of group {}", group + 1);
        for row in map.values.chunks(map.width.max(1)) {
            let shades = row.iter().map(|v| SHADES[(9.0 * v / largest) as usize].repeat(2));
            println!("  {}", shades.collect::<String>());
        }
    }
}
