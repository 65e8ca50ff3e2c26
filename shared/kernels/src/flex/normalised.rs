//! Normalisations of tensors: their parameters, and the gradients of those with batch statistics.

use super::{T, geometry};
use crate::conv::{self, Gradients};
use crate::defaults::dims;
use crate::fused::InputAffine;
use crate::norm::{self, Parameters};
use crate::values::{channel_values, tensor, with_values};

/// A normalisation as `scale x + shift`, from gamma, beta, mean and variance.
pub(super) fn normalisation(x: &T, tensors: [&T; 4], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let Parameters { gamma, beta, mean, rstd: var } = parameters(x, tensors);
    let rstd = var.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
    Parameters { gamma, beta, mean, rstd }.scale_shift()
}

/// Copies of gamma, beta, mean and `1 / std` of a normalisation of `x`.
pub(super) fn parameters(x: &T, tensors: [&T; 4]) -> Parameters {
    let channels = flat_shape(x).channels;
    let [gamma, beta, mean, rstd] = tensors.map(|t| channel_values(t, channels));
    Parameters { gamma, beta, mean, rstd }
}

/// Gradients `(dx, dgamma, dbeta, dw)` of a convolution of a normalised batch, from gamma, beta, mean and `1 /
/// std`; `added` as in [`norm::gradient`].
pub(super) fn norm_conv_gradients(
    x: &T,
    gradient: &T,
    norm: [&T; 4],
    weight: &T,
    stride: usize,
    added: Option<&T>,
) -> (T, T, T, T) {
    let g = geometry(x, weight, stride);
    let parameters = parameters(x, norm);
    let (scale, shift) = parameters.scale_shift();
    let affine = InputAffine { scale: &scale, shift: &shift };
    let Gradients { input, weight: dw, sums } = with_values(x, |x| {
        let dy = |dy: &[f32]| {
            with_values(weight, |w| conv::gradients(g, x, dy, w, affine, &parameters.mean))
        };
        with_values(gradient, dy)
    });
    let dw = tensor(dw, [g.cout, g.cin, g.kernel, g.kernel]);
    let (dx, dgamma, dbeta) = norm_gradient(x, input, &parameters, Some(sums), added);
    (dx, dgamma, dbeta, dw)
}

/// Gradients `(dx, dgamma, dbeta)` of a normalisation with ReLU; `sums` and `added` as in [`norm::gradient`].
pub(super) fn norm_gradient(
    x: &T,
    dy: Vec<f32>,
    parameters: &Parameters,
    sums: Option<Vec<[f64; 2]>>,
    added: Option<&T>,
) -> (T, T, T) {
    let shape = flat_shape(x);
    let gradient = |added: Option<&[f32]>| {
        with_values(x, |x| norm::gradient(shape, x, dy, parameters, sums, added))
    };
    let (dx, dgamma, dbeta) = match added {
        Some(added) => with_values(added, |added| gradient(Some(added))),
        None => gradient(None),
    };
    let channels = [shape.channels];
    (tensor(dx, dims(x)), tensor(dgamma, channels), tensor(dbeta, channels))
}

/// The shape of `x` with images, rows and columns flattened.
pub(super) fn flat_shape(x: &T) -> norm::Shape {
    let [n, height, width, channels] = dims(x);
    assert!(channels * height * width > 0, "channels, height and width are at least 1");
    norm::Shape { pixels: n * height * width, channels }
}
