//! Times the functions of this crate and the Burn operations that they replace, on Burn's CPU
//! backend: `cargo run --release --example speed --features cpu,learn`. Prints medians in
//! milliseconds.

use burn::tensor::activation::relu;
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor};
use burn_fused_conv::{Maps, batch_norm_conv2d, conv2d, norm_conv2d};
use std::time::Instant;

/// Measurements of each operation; the median is printed.
const REPEATS: usize = 15;
/// Batch, channels in and out, side of the image, stride.
const SHAPES: [[usize; 5]; 3] = [[64, 16, 32, 32, 1], [64, 32, 32, 32, 2], [64, 64, 64, 16, 1]];

/// The median time of `work` in milliseconds, after one call that is not measured.
fn median(mut work: impl FnMut()) -> f64 {
    work();
    let mut times = [0.0; REPEATS];
    for time in &mut times {
        let start = Instant::now();
        work();
        *time = start.elapsed().as_secs_f64() * 1e3;
    }
    times.sort_by(f64::total_cmp);
    times[REPEATS / 2]
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// `[c]` as `[1, c, 1, 1]`.
fn per_channel(t: Tensor<1>) -> Tensor<4> {
    t.reshape([1, -1, 1, 1])
}
fn plain_conv(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    burn_conv2d(x, weight, None, ConvOptions::new([stride; 2], [1; 2], [1; 2], 1))
}

/// Batch normalisation with batch statistics, ReLU and a convolution, in Burn's operations.
fn plain_batch_norm_conv(
    x: Tensor<4>,
    affine: [Tensor<1>; 2],
    w: Tensor<4>,
    s: usize,
) -> Tensor<4> {
    let [gamma, beta] = affine.map(per_channel);
    let mean = x.clone().mean_dim(0).mean_dim(2).mean_dim(3);
    let centred = x - mean;
    let var = centred.clone().square().mean_dim(0).mean_dim(2).mean_dim(3);
    plain_conv(relu(centred / (var + 1e-5).sqrt() * gamma + beta), w, s)
}

/// Measures both and prints a row of the table.
fn compare<T>(
    shape: [usize; 5],
    name: &str,
    mut plain: impl FnMut() -> T,
    mut fused: impl FnMut() -> T,
) {
    let plain = median(|| drop(plain()));
    let fused = median(|| drop(fused()));
    println!("| {shape:?} | {name} | {plain:.2} | {fused:.2} | {:.2} |", plain / fused);
}

fn main() {
    println!("| n, cin, cout, side, stride | operation | Burn, ms | fused, ms | ratio |");
    println!("|---|---|---|---|---|");
    for shape in SHAPES {
        let [n, cin, cout, side, stride] = shape;
        let device = &Device::flex();
        let x = &random([n, cin, side, side], device);
        let w = &random([cout, cin, 3, 3], device);
        let affine = &[random([cin], device), random([cin], device)];
        let bias = &random([cout], device);
        let maps = &Maps::new(x.clone());
        let burn = || plain_conv(x.clone(), w.clone(), stride);
        compare(shape, "conv", burn, || conv2d(maps.clone(), w.clone(), stride).into_tensor());
        let burn = || {
            let [scale, shift] = affine.clone().map(per_channel);
            let y = plain_conv(relu(x.clone() * scale + shift), w.clone(), stride);
            relu(y + per_channel(bias.clone()))
        };
        compare(shape, "affine, ReLU, conv, bias, ReLU", burn, || {
            let bias = bias.clone();
            norm_conv2d(maps.clone(), affine.clone(), w.clone(), bias, stride, true).into_tensor()
        });
        let device = &Device::flex().autodiff();
        let x = &random([n, cin, side, side], device).require_grad();
        let w = &random([cout, cin, 3, 3], device).require_grad();
        let affine = &[(); 2].map(|()| random([cin], device).require_grad());
        let forward = || plain_batch_norm_conv(x.clone(), affine.clone(), w.clone(), stride);
        let burn = || forward().sum().backward();
        compare(shape, "batch norm, ReLU, conv, gradients", burn, || {
            let maps = Maps::new(x.clone());
            let y = batch_norm_conv2d(maps, affine.clone(), 1e-5, w.clone(), stride, None);
            y.into_tensor().sum().backward()
        });
    }
}
