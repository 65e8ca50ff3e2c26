//! Rows of a figure of attention maps over an image.

use crate::captioned_rows::Row;
use anyhow::{Context, Result};
use clap::ValueEnum;
use unstamp_shared::Device;
use unstamp_shared::attention::Operator;
use unstamp_shared::datasets::Split;
use unstamp_shared::heat;
use unstamp_shared::image::Image;
use unstamp_shared::model::{Frozen, Output, batch, weights};
use unstamp_shared::poison::Trigger;
use unstamp_shared::pseudo::Pseudo;

/// The maps or images in a figure.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Show {
    /// Attention of every group (NAD figure 3)
    Groups,
    /// The last group under five operators (NAD figure 12)
    Operators,
    /// Every channel of the last group (NAD figure 11)
    Channels,
    /// The first model on the image as it is, triggered, and as NBA's pseudo sample, and how alike
    /// they are over 500 images (NBA figure 4)
    Pseudo,
}

/// Channels in a row of the figure of all channels.
const CHANNELS: usize = 16;

/// Operators of NAD figure 12, in its order.
const OPERATORS: [Operator; 5] =
    [Operator::Mean, Operator::Mean2, Operator::Sum, Operator::Sum2, Operator::Sum4];

/// The rows of one model: the image, then the model's maps drawn over it.
///
/// # Errors
/// The device fails.
pub fn model_rows(title: &str, image: &Image, output: Output, show: Show) -> Result<Vec<Row>> {
    let last = output.features.last().context("a network has features")?.clone().into_tensor();
    let groups: Vec<[usize; 4]> = output.features.iter().map(|f| f.dims()).collect();
    let maps = match show {
        Show::Groups | Show::Pseudo => output
            .features
            .into_iter()
            .map(|f| Operator::Sum2.map(f.into_tensor()).flatten(0, 1))
            .collect(),
        Show::Operators => {
            OPERATORS.iter().map(|operator| operator.map(last.clone()).flatten(0, 1)).collect()
        }
        Show::Channels => {
            let [_, channels, height, width] = last.dims();
            let flat = last.abs().reshape([channels, height * width]);
            (0..channels).map(|c| flat.clone().narrow(0, c, 1).flatten(0, 1)).collect()
        }
    };
    let maps = pollster::block_on(weights::read(maps))?;
    let shapes = match show {
        Show::Groups | Show::Pseudo => groups,
        Show::Operators | Show::Channels => groups[groups.len() - 1..].repeat(maps.len()),
    };
    let coloured = |(map, [_, _, height, width]): (&Vec<f32>, [usize; 4])| {
        heat::over(image, map, width, height)
    };
    let maps: Vec<Image> = maps.iter().zip(shapes).map(coloured).collect();
    if show != Show::Channels {
        let pictures = std::iter::once(image.clone()).chain(maps).collect();
        return Ok(vec![(title.to_string(), pictures)]);
    }
    let mut rows: Vec<Row> =
        maps.chunks(CHANNELS).map(|maps| (String::new(), maps.to_vec())).collect();
    if let Some((first, _)) = rows.first_mut() {
        *first = title.to_string();
    }
    Ok(rows)
}

/// The rows of NBA figure 4: a test image as it is, triggered, and as a pseudo sample.
///
/// # Errors
/// The device fails.
pub fn pseudo_rows(
    network: &Frozen,
    pseudo: &Pseudo,
    test: &Split,
    trigger: &Trigger,
    index: usize,
    device: &Device,
) -> Result<Vec<Row>> {
    let clean = test.image(index);
    let mut triggered = clean.clone();
    trigger.stamp(&mut triggered, index);
    let sample = pollster::block_on(pseudo.picture(test, index))?;
    let mut rows = Vec::new();
    for (title, image) in [("clean", clean), ("triggered", triggered), ("pseudo", sample)] {
        let input = batch(test, &[0], device, |_, pixels| pixels.copy_from_slice(&image.pixels));
        rows.extend(model_rows(title, &image, network.forward(input), Show::Groups)?);
    }
    Ok(rows)
}
