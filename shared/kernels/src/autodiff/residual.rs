//! A residual block as one node of the autodiff graph. Its input has two gradients, that of the block and that of
//! the skip; the kernel that computes the first one adds the second. As two nodes, Burn would add them, in a
//! pass of its own over memory.

use super::nodes::register;
use crate::defaults::reciprocal_std;
use crate::ops::FusedOps;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;

/// Normalisation and convolution: the inputs of half a block.
pub(super) struct Half<B: FusedOps> {
    pub x: FloatTensor<B>,
    /// Mean of `x`.
    pub mean: FloatTensor<B>,
    /// Variance of `x`.
    pub var: FloatTensor<B>,
    pub gamma: FloatTensor<B>,
    pub beta: FloatTensor<B>,
    pub weight: FloatTensor<B>,
}

/// The tensors that the gradients of a [`Half`] need: `x`, gamma, beta, mean, `1 / std` and weight.
type Saved<B> = [FloatTensor<B>; 6];

impl<B: FusedOps> Half<B> {
    /// The output plus `skip`, its mean and its variance.
    pub fn run(
        &self,
        eps: f32,
        skip: Option<FloatTensor<B>>,
    ) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
        let [x, mean, var] = [&self.x, &self.mean, &self.var].map(Clone::clone);
        let [gamma, beta, weight] = [&self.gamma, &self.beta, &self.weight].map(Clone::clone);
        match skip {
            None => B::fused_batch_norm_conv2d(x, mean, var, gamma, beta, weight, eps, 1),
            Some(skip) => {
                B::fused_batch_norm_conv2d_add(x, mean, var, gamma, beta, weight, skip, eps)
            }
        }
    }

    pub fn saved(self, eps: f32) -> Saved<B> {
        let rstd = reciprocal_std::<B>(self.var, eps);
        [self.x, self.gamma, self.beta, self.mean, rstd, self.weight]
    }
}

/// `y = x + conv(relu(batch_norm(conv(relu(batch_norm(x)), w1))), w2)`. Its inputs are `x`, and gamma, beta and
/// weight of both halves.
#[derive(Debug)]
pub(super) struct Residual;

impl<B: FusedOps> Backward<B, 7> for Residual {
    type State = [Saved<B>; 2];

    fn backward(self, ops: Ops<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [first, second] = ops.state;
        let [x, gamma, beta, mean, rstd, weight] = second;
        let (between, dgamma2, dbeta2, dw2) =
            B::fused_batch_norm_conv2d_backward(x, dy.clone(), gamma, beta, mean, rstd, weight, 1);
        let [x, gamma, beta, mean, rstd, weight] = first;
        let (dx, dgamma1, dbeta1, dw1) = B::fused_batch_norm_conv2d_backward_add(
            x, between, gamma, beta, mean, rstd, weight, dy,
        );
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        register::<B, 7>(nodes, [dx, dgamma1, dbeta1, dw1, dgamma2, dbeta2, dw2], grads);
    }
}
