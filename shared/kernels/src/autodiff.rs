//! The derivatives of [`FusedOps`]: the extension macro generates none.
//!
//! Each operation is a node of the autodiff graph that stores its inputs, and the statistics of a
//! normalisation, instead of the intermediate tensors between the fused parts.

mod nodes;
#[cfg(all(test, feature = "cpu"))]
mod tests;

use self::nodes::{
    AffineRelu, BatchNormConv, BatchNormConvAdd, BatchNormRelu, Conv, ConvAdd, FromMaps, IntoMaps,
    MaxPool,
};
use super::defaults::reciprocal_std;
use super::ops::FusedOps;
use burn::backend::Autodiff;
use burn::backend::AutodiffBackend;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::tensor::FloatTensor;

/// The values and the graph nodes of an operation's inputs.
fn split<B: FusedOps, C: CheckpointStrategy, const N: usize>(
    tensors: [FloatTensor<Autodiff<B, C>>; N],
) -> ([FloatTensor<B>; N], [NodeGuard; N]) {
    let nodes = std::array::from_fn(|i| tensors[i].node());
    (tensors.map(|tensor| tensor.into_primitive()), nodes)
}

impl<B: FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn fused_maps(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let (tensor, node) = tensor.into_parts();
        let maps = B::fused_maps(tensor);
        match IntoMaps.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((), maps),
            OpsKind::UnTracked(prep) => prep.finish(maps),
        }
    }

    fn fused_images(maps: FloatTensor<Self>) -> FloatTensor<Self> {
        let (maps, node) = maps.into_parts();
        let tensor = B::fused_images(maps);
        match FromMaps.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((), tensor),
            OpsKind::UnTracked(prep) => prep.finish(tensor),
        }
    }

    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let ([x, weight], nodes) = split::<B, C, _>([x, weight]);
        match Conv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::fused_conv2d(x.clone(), weight.clone(), stride);
                prep.finish((x, weight, stride), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::fused_conv2d(x, weight, stride)),
        }
    }

    fn fused_conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let ([x, weight, skip], nodes) = split::<B, C, _>([x, weight, skip]);
        let y = B::fused_conv2d_add(x.clone(), weight.clone(), skip);
        match ConvAdd.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_conv2d_statistics(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ([x, weight], nodes) = split::<B, C, _>([x, weight]);
        let (y, mean, var) = B::fused_conv2d_statistics(x.clone(), weight.clone(), stride);
        let y = match Conv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, stride), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(var))
    }

    fn fused_statistics(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (mean, var) = B::fused_statistics(x.into_primitive());
        (Self::from_inner(mean), Self::from_inner(var))
    }

    fn fused_batch_norm_relu(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let ([x, gamma, beta], nodes) = split::<B, C, _>([x, gamma, beta]);
        let [mean, var] = [mean, var].map(|tensor| tensor.into_primitive());
        let saved = [&x, &gamma, &beta, &mean].map(Clone::clone);
        let y = B::fused_batch_norm_relu(x, mean, var.clone(), gamma, beta, eps);
        match BatchNormRelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let [x, gamma, beta, mean] = saved;
                prep.finish([x, gamma, beta, mean, reciprocal_std::<B>(var, eps)], y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_batch_norm_conv2d(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (saved, nodes) = split::<B, C, _>([x, gamma, beta, weight]);
        let statistics = [mean, var].map(|tensor| tensor.into_primitive());
        let [x, gamma, beta, weight] = saved.clone();
        let [mean, var] = statistics.clone();
        let (y, y_mean, y_var) =
            B::fused_batch_norm_conv2d(x, mean, var, gamma, beta, weight, eps, stride);
        let y = match BatchNormConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let [mean, var] = statistics;
                prep.finish((saved, [mean, reciprocal_std::<B>(var, eps)], stride), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(y_mean), Self::from_inner(y_var))
    }

    fn fused_batch_norm_conv2d_add(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ([x, gamma, beta, weight, skip], nodes) =
            split::<B, C, _>([x, gamma, beta, weight, skip]);
        let saved = [&x, &gamma, &beta, &weight].map(Clone::clone);
        let statistics = [mean, var].map(|tensor| tensor.into_primitive());
        let [mean, var] = statistics.clone();
        let (y, y_mean, y_var) =
            B::fused_batch_norm_conv2d_add(x, mean, var, gamma, beta, weight, skip, eps);
        let y = match BatchNormConvAdd.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let [mean, var] = statistics;
                prep.finish((saved, [mean, reciprocal_std::<B>(var, eps)], 1), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(y_mean), Self::from_inner(y_var))
    }

    fn fused_affine_relu(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let scale = scale.into_primitive();
        let shift = shift.into_primitive();
        let y = B::fused_affine_relu(x.clone(), scale.clone(), shift.clone());
        match AffineRelu.prepare::<C>([x_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x, scale, shift], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_max_pool2d(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match MaxPool.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::fused_max_pool2d(x.clone());
                prep.finish(x, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::fused_max_pool2d(x)),
        }
    }
}
