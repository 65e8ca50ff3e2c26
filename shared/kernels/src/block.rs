//! A residual block as one operation.

use crate::maps::{Maps, Statistics};
use crate::ops::FusedOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// One half of a residual block: [`batch_norm_conv2d`](crate::batch_norm_conv2d) with stride 1.
#[derive(Clone, Debug)]
pub struct BlockHalf {
    /// Gamma and beta of the normalisation, `[c]` each.
    pub affine: [Tensor<1>; 2],
    /// Weight of the convolution, `[c, c, k, k]`.
    pub weight: Tensor<4>,
}

/// A residual block before whose convolutions stand normalisations ([He et al.
/// 2016](https://arxiv.org/abs/1603.05027)): `x + f2(f1(x))`, where each `f` is [`batch_norm_conv2d`](crate::batch_norm_conv2d) with stride 1.
/// Returns the output, and the statistics of `f1(x)`. The gradient of `x` is computed in one pass.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`
///
/// # Panics
/// As [`conv2d`](crate::conv2d).
pub fn residual(x: Maps, first: BlockHalf, second: BlockHalf, eps: f32) -> (Maps, Statistics) {
    let (x, Statistics { mean, var }) = x.measured();
    let [gamma1, beta1] = first.affine.map(Tensor::into_dispatch);
    let [gamma2, beta2] = second.affine.map(Tensor::into_dispatch);
    let (output, (mean, var)) = Dispatch::fused_residual(
        x.into_raw(),
        mean.into_dispatch(),
        var.into_dispatch(),
        gamma1,
        beta1,
        first.weight.into_dispatch(),
        gamma2,
        beta2,
        second.weight.into_dispatch(),
        eps,
    );
    (Maps::with_statistics(output), Statistics::new(mean, var))
}
