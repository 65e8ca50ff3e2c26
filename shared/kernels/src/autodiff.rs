//! The derivatives of [`FusedOps`]: the extension macro generates none.
//!
//! Each operation is a node of the autodiff graph that stores its inputs, and the statistics of a
//! normalisation, instead of the intermediate tensors between the fused parts.

use super::ops::{FusedOps, per_channel, reciprocal_std, relu_gradient};
use burn::backend::Autodiff;
use burn::backend::AutodiffBackend;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

/// The values and the graph nodes of an operation's inputs.
fn split<B: FusedOps, C: CheckpointStrategy, const N: usize>(
    tensors: [FloatTensor<Autodiff<B, C>>; N],
) -> ([FloatTensor<B>; N], [NodeGuard; N]) {
    let nodes = std::array::from_fn(|i| tensors[i].node());
    (tensors.map(|tensor| tensor.into_primitive()), nodes)
}

/// Registers the gradients of the inputs that require one.
fn register<B: FusedOps, const N: usize>(
    nodes: [Option<NodeId>; N],
    gradients: [FloatTensor<B>; N],
    grads: &mut Gradients,
) {
    for (node, gradient) in nodes.into_iter().zip(gradients) {
        if let Some(node) = node {
            grads.register::<B>(node, gradient);
        }
    }
}

/// Computes and registers the gradients of a convolution, of the inputs that require one. The first
/// layer of a network needs no `dx`.
fn register_convolution<B: FusedOps>(
    nodes: [Option<NodeId>; 2],
    (x, weight, stride): (FloatTensor<B>, FloatTensor<B>, usize),
    dy: FloatTensor<B>,
    grads: &mut Gradients,
) {
    let [x_node, weight_node] = nodes;
    if let Some(node) = x_node {
        let dx = B::fused_conv2d_input_gradient(x.clone(), weight.clone(), dy.clone(), stride);
        grads.register::<B>(node, dx);
    }
    if let Some(node) = weight_node {
        let dw = B::fused_conv2d_weight_gradient(x, weight, dy, stride);
        grads.register::<B>(node, dw);
    }
}

/// `y = conv(x, w)`.
#[derive(Debug)]
struct Conv;

impl<B: FusedOps> Backward<B, 2> for Conv {
    type State = (FloatTensor<B>, FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register_convolution::<B>(nodes, ops.state, dy, grads);
    }
}

/// `y = conv(x, w) + skip`, stride 1.
#[derive(Debug)]
struct ConvAdd;

impl<B: FusedOps> Backward<B, 3> for ConvAdd {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x_node, weight_node, skip_node] = ops.parents.map(|node| node.map(|node| node.id));
        let (x, weight) = ops.state;
        register_convolution::<B>([x_node, weight_node], (x, weight, 1), dy.clone(), grads);
        if let Some(node) = skip_node {
            grads.register::<B>(node, dy);
        }
    }
}

/// Batch normalisation with batch statistics, then ReLU.
#[derive(Debug)]
struct BatchNormRelu;

impl<B: FusedOps> Backward<B, 3> for BatchNormRelu {
    type State = [FloatTensor<B>; 5];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, gamma, beta, mean, rstd] = ops.state;
        let (dx, dgamma, dbeta) = B::fused_batch_norm_relu_backward(x, dy, gamma, beta, mean, rstd);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register::<B, 3>(nodes, [dx, dgamma, dbeta], grads);
    }
}

/// The state of a convolution of a normalised batch: `x`, gamma, beta and weight; mean and `1 /
/// std`; the stride.
type NormConvState<B> = ([FloatTensor<B>; 4], [FloatTensor<B>; 2], usize);

/// Computes and registers the gradients of a convolution of a normalised batch.
fn register_norm_convolution<B: FusedOps>(
    nodes: [Option<NodeId>; 4],
    ([x, gamma, beta, weight], [mean, rstd], stride): NormConvState<B>,
    dy: FloatTensor<B>,
    grads: &mut Gradients,
) {
    let (dx, dgamma, dbeta, dw) =
        B::fused_batch_norm_conv2d_backward(x, dy, gamma, beta, mean, rstd, weight, stride);
    register::<B, 4>(nodes, [dx, dgamma, dbeta, dw], grads);
}

/// `y = conv(relu(batch_norm(x)), w)`.
#[derive(Debug)]
struct BatchNormConv;

impl<B: FusedOps> Backward<B, 4> for BatchNormConv {
    type State = NormConvState<B>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        register_norm_convolution::<B>(
            ops.parents.map(|node| node.map(|node| node.id)),
            ops.state,
            dy,
            grads,
        );
    }
}

/// `y = conv(relu(batch_norm(x)), w) + skip`, stride 1.
#[derive(Debug)]
struct BatchNormConvAdd;

impl<B: FusedOps> Backward<B, 5> for BatchNormConvAdd {
    type State = NormConvState<B>;

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        let [x, gamma, beta, weight, skip] = nodes;
        register_norm_convolution::<B>([x, gamma, beta, weight], ops.state, dy.clone(), grads);
        if let Some(node) = skip {
            grads.register::<B>(node, dy);
        }
    }
}

/// `y = relu(scale x + shift)` with constant `scale` and `shift`: only `x` has a gradient.
#[derive(Debug)]
struct AffineRelu;

impl<B: FusedOps> Backward<B, 1> for AffineRelu {
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, scale, shift] = ops.state;
        let [node] = ops.parents;
        if let Some(node) = node {
            let dy = relu_gradient::<B>(x, scale.clone(), shift, dy);
            grads.register::<B>(node.id, B::float_mul(dy, per_channel::<B>(scale)));
        }
    }
}

impl<B: FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
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

    fn fused_batch_norm_relu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ([x, gamma, beta], nodes) = split::<B, C, _>([x, gamma, beta]);
        let (y, mean, var) = B::fused_batch_norm_relu(x.clone(), gamma.clone(), beta.clone(), eps);
        let y = match BatchNormRelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let rstd = reciprocal_std::<B>(var.clone(), eps);
                prep.finish([x, gamma, beta, mean.clone(), rstd], y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(var))
    }

    fn fused_batch_norm_conv2d(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (saved, nodes) = split::<B, C, _>([x, gamma, beta, weight]);
        let [x, gamma, beta, weight] = saved.clone();
        let (y, mean, var) = B::fused_batch_norm_conv2d(x, gamma, beta, weight, eps, stride);
        let y = match BatchNormConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let rstd = reciprocal_std::<B>(var.clone(), eps);
                prep.finish((saved, [mean.clone(), rstd], stride), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(var))
    }

    fn fused_batch_norm_conv2d_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ([x, gamma, beta, weight, skip], nodes) =
            split::<B, C, _>([x, gamma, beta, weight, skip]);
        let saved = [&x, &gamma, &beta, &weight].map(Clone::clone);
        let (y, mean, var) = B::fused_batch_norm_conv2d_add(x, gamma, beta, weight, skip, eps);
        let y = match BatchNormConvAdd.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let rstd = reciprocal_std::<B>(var.clone(), eps);
                prep.finish((saved, [mean.clone(), rstd], 1), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(var))
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
}
