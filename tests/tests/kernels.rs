//! The CPU kernels against Burn's own operations: forward and every gradient, over shapes.

use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor};
use unstamp_shared::kernels;

/// Both sides sum the same products in another order; at most 64 * 9 * 8 terms near 1.
const TOLERANCE: f32 = 2e-4;

fn close<const D: usize>(a: Tensor<D>, b: Tensor<D>, what: &str) {
    assert_eq!(a.dims(), b.dims(), "{what}: shapes differ");
    let scale = b.clone().abs().max().into_scalar::<f32>().max(1.0);
    let worst = (a - b).abs().max().into_scalar::<f32>() / scale;
    assert!(worst < TOLERANCE, "{what}: off by {worst}");
}

#[test]
fn convolutions_agree_with_burn() {
    let device = Device::flex().autodiff();
    for (n, cin, cout, size, kernel, stride) in [
        (2, 3, 16, (32, 32), 3, 1),
        (9, 16, 32, (32, 32), 3, 2),
        (3, 32, 32, (16, 16), 3, 1),
        (2, 16, 32, (32, 32), 1, 2),
        (1, 64, 64, (8, 8), 3, 1),
        (2, 5, 7, (9, 13), 3, 1),
        (2, 5, 7, (9, 13), 3, 2),
        (2, 5, 9, (7, 4), 1, 2),
        (2, 5, 9, (7, 4), 1, 1),
        (1, 1, 1, (1, 1), 3, 1),
        (1, 2, 1, (2, 1), 3, 2),
    ] {
        let what = format!("n={n} {cin}->{cout} {size:?} k={kernel} s={stride}");
        let padding = (kernel - 1) / 2;
        let x =
            Tensor::<4>::random([n, cin, size.0, size.1], Distribution::Normal(0.0, 1.0), &device)
                .require_grad();
        let w = Tensor::<4>::random(
            [cout, cin, kernel, kernel],
            Distribution::Normal(0.0, 1.0),
            &device,
        )
        .require_grad();
        let ours = kernels::conv2d(x.clone(), w.clone(), stride, padding);
        let theirs = burn_conv2d(
            x.clone(),
            w.clone(),
            None,
            ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1),
        );
        close(ours.clone().inner(), theirs.clone().inner(), &format!("{what} forward"));
        let r = Tensor::<4>::random(ours.dims(), Distribution::Normal(0.0, 1.0), &device);
        let a = (ours * r.clone()).sum().backward();
        let b = (theirs * r).sum().backward();
        close(x.grad(&a).unwrap(), x.grad(&b).unwrap(), &format!("{what} dx"));
        close(w.grad(&a).unwrap(), w.grad(&b).unwrap(), &format!("{what} dw"));
    }
}

/// Batch normalisation and ReLU in Burn's elementary operations.
fn oracle(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Tensor<4> {
    let [_, c, _, _] = x.dims();
    let mean = x.clone().mean_dim(0).mean_dim(2).mean_dim(3);
    let centred = x - mean;
    let var = centred.clone().square().mean_dim(0).mean_dim(2).mean_dim(3);
    let gamma = gamma.reshape([1, c, 1, 1]);
    let beta = beta.reshape([1, c, 1, 1]);
    burn::tensor::activation::relu(centred / (var + 1e-5).sqrt() * gamma + beta)
}

#[test]
fn batch_norm_relu_agrees_with_burn() {
    let device = Device::flex().autodiff();
    for (n, c, h, w) in [(4, 16, 32, 32), (3, 5, 7, 9), (2, 1, 1, 1), (8, 64, 8, 8)] {
        let what = format!("batch norm {n}x{c}x{h}x{w}");
        let normal = Distribution::Normal(0.5, 1.0);
        let x = Tensor::<4>::random([n, c, h, w], normal, &device).require_grad();
        let gamma = Tensor::<1>::random([c], normal, &device).require_grad();
        let beta = Tensor::<1>::random([c], normal, &device).require_grad();
        let ours = kernels::batch_norm_relu(x.clone(), gamma.clone(), beta.clone(), 1e-5).output;
        let theirs = oracle(x.clone(), gamma.clone(), beta.clone());
        close(ours.clone().inner(), theirs.clone().inner(), &format!("{what} forward"));
        let r = Tensor::<4>::random([n, c, h, w], normal, &device);
        let a = (ours * r.clone()).sum().backward();
        let b = (theirs * r).sum().backward();
        close(x.grad(&a).unwrap(), x.grad(&b).unwrap(), &format!("{what} dx"));
        close(gamma.grad(&a).unwrap(), gamma.grad(&b).unwrap(), &format!("{what} dgamma"));
        close(beta.grad(&a).unwrap(), beta.grad(&b).unwrap(), &format!("{what} dbeta"));
    }
}
