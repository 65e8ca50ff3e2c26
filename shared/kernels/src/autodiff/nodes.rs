//! The nodes of the autodiff graph: what each operation stores, and how it computes its gradients.

use crate::ops::FusedOps;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;

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

/// A tensor as maps.
#[derive(Debug)]
pub(super) struct IntoMaps;

impl<B: FusedOps> Backward<B, 1> for IntoMaps {
    type State = ();

    fn backward(self, ops: Ops<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::fused_images(dy));
        }
    }
}

/// Maps as a tensor.
#[derive(Debug)]
pub(super) struct FromMaps;

impl<B: FusedOps> Backward<B, 1> for FromMaps {
    type State = ();

    fn backward(self, ops: Ops<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::fused_maps(dy));
        }
    }
}

/// `y = conv(x, w)`.
#[derive(Debug)]
pub(super) struct Conv;

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
pub(super) struct ConvAdd;

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
pub(super) struct BatchNormRelu;

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
pub(super) type NormConvState<B> = ([FloatTensor<B>; 4], [FloatTensor<B>; 2], usize);

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
pub(super) struct BatchNormConv;

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
pub(super) struct BatchNormConvAdd;

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
pub(super) struct AffineRelu;

impl<B: FusedOps> Backward<B, 1> for AffineRelu {
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, scale, shift] = ops.state;
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::fused_affine_relu_backward(x, scale, shift, dy));
        }
    }
}

/// The maximum over 2x2 pixels.
#[derive(Debug)]
pub(super) struct MaxPool;

impl<B: FusedOps> Backward<B, 1> for MaxPool {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::fused_max_pool2d_backward(ops.state, dy));
        }
    }
}
