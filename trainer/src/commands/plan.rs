//! `unstamp plan`: what each group of layers of a network costs in a training step on the CPU, and how far that
//! is from what the machine can do.

use crate::limits::{Limits, shortest};
use anyhow::{Result, bail};
use burn::tensor::Tensor;
use clap::Args;
use unstamp_shared::Device;
use unstamp_shared::datasets::ImageSize;
use unstamp_shared::kernels::floats;
use unstamp_shared::model::{Arch, DEFAULT_ARCH, GroupCost, GroupInputs, Network, RGB};
use unstamp_shared::seed::Seed;

/// Arguments of `unstamp plan`.
#[derive(Args)]
pub struct PlanArgs {
    /// Architecture; `unstamp list` names all
    #[arg(long, default_value = DEFAULT_ARCH)]
    arch: String,
    /// Number of classes
    #[arg(long, default_value_t = 10)]
    classes: usize,
    /// Images of a step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Size of the images: 64, or 64x48 (width x height)
    #[arg(long, value_name = "PIXELS", default_value = "32")]
    image_size: ImageSize,
    /// Measurements of each group, of which the shortest counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
}

/// Most images of a batch.
const MOST_IMAGES: usize = 4096;

/// Most pixels of a batch: as many as 4,096 images of 32x32 pixels have.
const MOST_PIXELS: usize = MOST_IMAGES << 10;

/// A group, and seconds of its forward and backward pass: those that were measured, and those that the limits
/// allow.
#[derive(Default)]
struct Row {
    cost: GroupCost,
    times: [f64; 2],
    least: [f64; 2],
}

/// Measures a group alone. The backward pass is that of the sum of its outputs. Its limit assumes the gradients of
/// input and weights, each with as many operations as the forward pass, and a gradient for every map; the images
/// have none.
fn measure(
    network: &Network,
    index: usize,
    cost: GroupCost,
    from: &GroupInputs,
    repeats: u32,
    limits: &Limits,
) -> Row {
    let inputs = || from.clone().with_gradients();
    let forward = shortest(repeats, inputs, |inputs| network.run_group(index, inputs));
    let output = || network.run_group(index, inputs()).sum();
    let backward = shortest(repeats, output, |sum| sum.backward());
    let gradients = if from.is_images() { 1.0 } else { 2.0 };
    let least = [
        limits.seconds(cost.flop, cost.bytes),
        limits.seconds(gradients * cost.flop, gradients * cost.bytes),
    ];
    Row { cost, times: [forward, backward], least }
}

/// Prints a row. A share is the time that the limits allow, of the time that was measured.
fn print(name: &str, output: &str, row: &Row, width: usize) {
    let [forward, backward] = row.times;
    let [forward_share, backward_share] =
        std::array::from_fn(|pass| 100.0 * row.least[pass] / row.times[pass]);
    println!(
        "{name:<width$} {output:>9} {:>7.3} {:>7.1} {:>8.2} {forward_share:>5.0}% {:>8.2} {backward_share:>5.0}%",
        row.cost.flop / 1e9,
        row.cost.bytes / 1e6,
        1e3 * forward,
        1e3 * backward,
    );
}

impl Row {
    /// Adds another row to a total.
    fn add(&mut self, other: &Self) {
        self.cost.flop += other.cost.flop;
        self.cost.bytes += other.cost.bytes;
        for pass in 0..2 {
            self.times[pass] += other.times[pass];
            self.least[pass] += other.least[pass];
        }
    }
}

/// Prints the limits, and the heads of the columns.
fn print_head(limits: &Limits, width: usize) {
    println!(
        "{} threads: {:.0} GFLOP/s in a product of matrices, {:.0} GB/s in a pass over maps",
        rayon::current_num_threads(),
        limits.flop / 1e9,
        limits.bytes / 1e9
    );
    println!(
        "{:<width$} {:>9} {:>7} {:>7} {:>8} {:>6} {:>8} {:>6}",
        "layers", "output", "GFLOP", "MB", "forward", "share", "backward", "share"
    );
    println!("{:<width$} {:>9} {:>7} {:>7} {:>8} {:>6} {:>8}", "", "", "", "", "ms", "", "ms");
}

/// The network and the images of a step.
///
/// # Errors
/// As [`plan`].
fn step_of(args: &PlanArgs) -> Result<(Network, Tensor<4>)> {
    let PlanArgs { batch, image_size, .. } = *args;
    if !(1..=MOST_IMAGES).contains(&batch) {
        bail!("a batch of {batch} images; use 1 to {MOST_IMAGES}");
    }
    let (width, height) = image_size.pair();
    let pixels = batch * width * height;
    if pixels > MOST_PIXELS {
        bail!("a batch of {pixels} pixels; use at most {MOST_PIXELS}, so fewer or smaller images");
    }
    let arch = Arch::new(&args.arch, args.classes);
    arch.check_images(image_size.pair())?;
    let device = Device::flex().autodiff();
    let mut random = Seed(0).stream("plan", &[]);
    let values = (0..batch * RGB * height * width).map(|_| random.unit()).collect();
    Ok((arch.init(Seed(0), &device)?, floats(values, [batch, RGB, height, width], &device)))
}

/// Prints a table of a training step: a row for each group of layers that are computed together.
///
/// # Errors
/// There is no such architecture, it cannot take such images, or the batch is too large.
pub fn plan(args: &PlanArgs) -> Result<()> {
    let (network, images) = step_of(args)?;
    let (width, height) = args.image_size.pair();
    let costs = network.costs(args.batch, (height, width));
    let names: Vec<String> = costs.iter().map(|cost| cost.layers.join(" + ")).collect();
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    let limits = Limits::measure();
    print_head(&limits, longest);
    let mut all = Row::default();
    let groups = network.inputs_of_groups(images.clone());
    for (index, (cost, from)) in costs.into_iter().zip(&groups).enumerate() {
        let row = measure(&network, index, cost, from, args.repeats, &limits);
        let [channels, height, width] = row.cost.output;
        let output = format!("{channels}x{height}x{width}");
        print(&names[index], &output, &row, longest);
        all.add(&row);
    }
    print("all groups", "", &all, longest);
    let step = shortest(
        args.repeats,
        || (network.clone(), images.clone()),
        |(mut network, images)| network.forward_train(images).logits.sum().backward(),
    );
    let speed = args.batch as f64 / step;
    println!("a step without loss and optimiser: {:.1} ms, {speed:.0} images/s", 1e3 * step);
    Ok(())
}
