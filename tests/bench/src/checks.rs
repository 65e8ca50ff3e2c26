//! Property checks: the kernels against Burn's own operations, forward and every gradient, over
//! random shapes. The native tests and the browser run the same checks.

use crate::BenchError;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d as burn_conv2d, max_pool2d as burn_max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use unstamp_shared::kernels::{self, Maps};
use unstamp_shared::model::weights::read;
use unstamp_shared::seed::{Seed, Stream};

/// Both sides sum the same products in another order, at most 96 * 9 * 12 terms near 1, or Winograd's
/// instead, whose tiles double the rounding errors.
const TOLERANCE: f32 = 2e-4;

fn random<const D: usize>(shape: [usize; D], stream: &mut Stream, device: &Device) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Compares the shapes, and the largest difference relative to the largest expected value.
async fn compare<const D: usize>(
    ours: Tensor<D>,
    theirs: Tensor<D>,
    check: &str,
) -> Result<(), BenchError> {
    if ours.dims() != theirs.dims() {
        return Err(BenchError::Shape {
            check: check.to_string(),
            found: ours.dims().to_vec(),
            expected: theirs.dims().to_vec(),
        });
    }
    let flat = |t: Tensor<D>| t.flatten::<1>(0, D - 1);
    let values = read(vec![flat(ours), flat(theirs)]).await?;
    let scale = values[1].iter().fold(1.0f32, |m, v| m.max(v.abs()));
    let off = values[0].iter().zip(&values[1]).map(|(a, b)| (a - b).abs());
    let largest = off.fold(0.0f32, |m, v| if v > m || v.is_nan() { v } else { m });
    let difference = largest / scale;
    if difference < TOLERANCE {
        return Ok(());
    }
    Err(BenchError::Difference { check: check.to_string(), difference })
}

/// Shape of one convolution: batch, channels in and out, height, width, kernel, stride.
type Shape = (usize, usize, usize, usize, usize, usize, usize);

/// Shapes of the networks, and the smallest there are.
const KNOWN: &[Shape] = &[
    (2, 3, 16, 32, 32, 3, 1),
    (9, 16, 32, 32, 32, 3, 2),
    (3, 32, 32, 16, 16, 3, 1),
    (2, 16, 32, 32, 32, 1, 2),
    (1, 64, 64, 8, 8, 3, 1),
    (1, 64, 64, 32, 32, 3, 1),
    (1, 1, 1, 1, 1, 3, 1),
    (1, 2, 1, 2, 1, 3, 2),
];

fn shape(index: usize, stream: &mut Stream) -> Shape {
    if let Some(known) = KNOWN.get(index) {
        return *known;
    }
    let mut between = |low: usize, high: usize| low + stream.below(high - low + 1);
    let n = between(1, 12);
    let cin = between(1, 40);
    let cout = between(1, 40);
    let height = between(1, 20);
    let width = between(1, 20);
    (n, cin, cout, height, width, [1, 3][between(0, 1)], between(1, 2))
}

/// The `index`-th convolution with a sum behind it: output and all gradients.
async fn convolution(index: usize) -> Result<(), BenchError> {
    let device = Device::flex().autodiff();
    let stream = &mut Seed(7).stream("convolution", &[index as u64]);
    let (n, cin, cout, height, width, kernel, stride) = shape(index, stream);
    let check = format!("convolution n={n} {cin}->{cout} {height}x{width} k={kernel} s={stride}");
    let padding = (kernel - 1) / 2;
    let x = random([n, cin, height, width], stream, &device).require_grad();
    let w = random([cout, cin, kernel, kernel], stream, &device).require_grad();
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    let theirs = burn_conv2d(x.clone(), w.clone(), None, options);
    let skip = random(theirs.dims(), stream, &device).require_grad();
    let theirs = theirs + skip.clone();
    let ours = match stride {
        1 => kernels::conv2d_add(Maps::new(x.clone()), w.clone(), Maps::new(skip.clone())),
        _ => kernels::conv2d(Maps::new(x.clone()), w.clone(), stride) + Maps::new(skip.clone()),
    };
    let ours = ours.into_tensor();
    compare(ours.clone().inner(), theirs.clone().inner(), &format!("{check} forward")).await?;
    let r = random(ours.dims(), stream, &device);
    let a = (ours * r.clone()).sum().backward();
    let b = (theirs * r.clone()).sum().backward();
    let gradient =
        |t: &Tensor<4>, g| t.grad(g).ok_or_else(|| BenchError::NoGradient(check.clone()));
    for (name, t) in [("dx", &x), ("dw", &w), ("dskip", &skip)] {
        compare(gradient(t, &a)?, gradient(t, &b)?, &format!("{check} {name}")).await?;
    }
    Ok(())
}

/// Batch normalisation and ReLU in Burn's elementary operations.
fn reference(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Tensor<4> {
    let [_, c, _, _] = x.dims();
    let mean = x.clone().mean_dim(0).mean_dim(2).mean_dim(3);
    let centred = x - mean;
    let var = centred.clone().square().mean_dim(0).mean_dim(2).mean_dim(3);
    let gamma = gamma.reshape([1, c, 1, 1]);
    let beta = beta.reshape([1, c, 1, 1]);
    relu(centred / (var + 1e-5).sqrt() * gamma + beta)
}

/// The `index`-th batch normalisation, alone, before a convolution, or before one with a sum behind
/// it: output and all gradients.
async fn batch_norm(index: usize) -> Result<(), BenchError> {
    let device = Device::flex().autodiff();
    let stream = &mut Seed(7).stream("batch norm", &[index as u64]);
    let mut between = |low: usize, high: usize| low + stream.below(high - low + 1);
    // With fewer than a handful of values a variance near zero magnifies rounding without bound.
    let shape = [between(2, 9), between(1, 20), between(2, 12), between(2, 20)];
    let cout = between(1, 20);
    let kernel = [1, 3][between(0, 1)];
    let stride = if index % 3 == 1 { between(1, 2) } else { 1 };
    let form = ["alone", "convolved", "convolved and added"][index % 3];
    let check = format!("batch norm {form} {shape:?}->{cout} k={kernel} s={stride}");
    let c = shape[1];
    let x = (random(shape, stream, &device) + 0.5).detach().require_grad();
    let gamma = random([c], stream, &device).require_grad();
    let beta = random([c], stream, &device).require_grad();
    let w = random([cout, c, kernel, kernel], stream, &device).require_grad();
    let normalised = reference(x.clone(), gamma.clone(), beta.clone());
    let options = ConvOptions::new([stride; 2], [(kernel - 1) / 2; 2], [1; 2], 1);
    let convolved = burn_conv2d(normalised.clone(), w.clone(), None, options);
    let skip = random(convolved.dims(), stream, &device).require_grad();
    let before = Maps::new(x.clone());
    let affine = [gamma.clone(), beta.clone()];
    let conv = |skip| kernels::batch_norm_conv2d(before, affine, 1e-5, w.clone(), stride, skip);
    let (ours, theirs) = match index % 3 {
        0 => (
            kernels::batch_norm_relu(Maps::new(x.clone()), gamma.clone(), beta.clone(), 1e-5),
            normalised,
        ),
        1 => (conv(None), convolved),
        _ => (conv(Some(Maps::new(skip.clone()))), convolved + skip.clone()),
    };
    let ours = ours.into_tensor();
    compare(ours.clone().inner(), theirs.clone().inner(), &format!("{check} forward")).await?;
    let r = random(ours.dims(), stream, &device);
    let a = (ours * r.clone()).sum().backward();
    let b = (theirs * r).sum().backward();
    let missing = || BenchError::NoGradient(check.clone());
    for (name, t) in [("dx", &x), ("dw", &w), ("dskip", &skip)] {
        // What a form does not use has no gradient on either side.
        let ours = t.grad(&a);
        let theirs = t.grad(&b);
        if ours.is_some() || theirs.is_some() {
            let (ours, theirs) = ours.zip(theirs).ok_or_else(missing)?;
            compare(ours, theirs, &format!("{check} {name}")).await?;
        }
    }
    for (name, t) in [("dgamma", &gamma), ("dbeta", &beta)] {
        let (ours, theirs) = t.grad(&a).zip(t.grad(&b)).ok_or_else(missing)?;
        compare(ours, theirs, &format!("{check} {name}")).await?;
    }
    Ok(())
}

/// The two halves of a frozen block against the operations they stand for.
async fn frozen_block(index: usize) -> Result<(), BenchError> {
    let device = Device::flex();
    let stream = &mut Seed(7).stream("frozen block", &[index as u64]);
    let (n, cin, cout, height, width, kernel, stride) = shape(index, stream);
    let relu_after = stream.below(2) == 1;
    let check = format!("block n={n} {cin}->{cout} {height}x{width} k={kernel} s={stride}");
    let x = random([n, cin, height, width], stream, &device);
    let scale = random([cin], stream, &device);
    let shift = random([cin], stream, &device);
    let w = random([cout, cin, kernel, kernel], stream, &device);
    let bias = random([cout], stream, &device);
    let pair = [scale.clone(), shift.clone()];
    let maps = Maps::new(x.clone());
    let ours = kernels::norm_conv2d(maps, pair, w.clone(), bias.clone(), stride, relu_after);
    let ours = ours.into_tensor();
    let wide = |t: Tensor<1>, c: usize| t.reshape([1, c, 1, 1]);
    let entered = relu(x * wide(scale, cin) + wide(shift, cin));
    let padding = [(kernel - 1) / 2; 2];
    let options = ConvOptions::new([stride; 2], padding, [1; 2], 1);
    let plain = burn_conv2d(entered, w, None, options) + wide(bias, cout);
    let theirs = if relu_after { relu(plain) } else { plain };
    compare(ours.clone(), theirs, &format!("{check} first half")).await?;
    let skip = random(ours.dims(), stream, &device);
    let w = random([cout, cout, kernel, kernel], stream, &device);
    let second = kernels::conv2d_add(Maps::new(ours.clone()), w.clone(), Maps::new(skip.clone()));
    let second = second.into_tensor();
    let options = ConvOptions::new([1; 2], padding, [1; 2], 1);
    compare(second, burn_conv2d(ours, w, None, options) + skip, &format!("{check} second half"))
        .await
}

/// The `index`-th maximum pooling of activations, among which many are equal: output and gradient.
async fn max_pool(index: usize) -> Result<(), BenchError> {
    let device = Device::flex().autodiff();
    let stream = &mut Seed(7).stream("max pool", &[index as u64]);
    let (n, channels, _, height, width, ..) = shape(index, stream);
    let check = format!("max pool n={n} {channels} {height}x{width}");
    let x = random([n, channels, height.max(2), width.max(2)], stream, &device).require_grad();
    let ours = kernels::max_pool2d(Maps::new(x.clone()).relu()).into_tensor();
    let theirs = burn_max_pool2d(relu(x.clone()), MaxPoolOptions::new([2, 2]));
    compare(ours.clone().inner(), theirs.clone().inner(), &format!("{check} forward")).await?;
    let r = random(ours.dims(), stream, &device);
    let ours = (ours * r.clone()).sum().backward();
    let theirs = (theirs * r).sum().backward();
    let pair = x.grad(&ours).zip(x.grad(&theirs));
    let (ours, theirs) = pair.ok_or_else(|| BenchError::NoGradient(check.clone()))?;
    compare(ours, theirs, &format!("{check} dx")).await
}

/// Compares every kernel with Burn's operations for `count` shapes.
///
/// # Errors
/// If a kernel gives another shape, other values or no gradient, or if the device does not give the
/// values back. The error is that of the first difference.
pub async fn kernels_agree(count: usize) -> Result<(), BenchError> {
    for index in 0..count {
        convolution(index).await?;
        batch_norm(index).await?;
        frozen_block(index).await?;
        max_pool(index).await?;
    }
    Ok(())
}
