//! Projected gradient descent on a network's input.

use crate::job::Batch;
use crate::objectives::cross_entropy;
use burn::tensor::{Int, Tensor, TensorData};
use unstamp_data::seed::Stream;
use unstamp_networks::model::Network;

/// Untargeted PGD in the L-infinity ball ([Madry et al. 2018](https://arxiv.org/abs/1706.06083)):
///
/// `x <- clip(x + step sign(d CE(f(x), y) / dx))`, where `clip` keeps `x` within `eps` of the
/// original and within 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pgd {
    /// Radius, of the range 0..1.
    pub eps: f32,
    /// Length of one step, of the range 0..1.
    pub step: f32,
    /// Number of steps.
    pub steps: usize,
}

impl Pgd {
    /// Perturbs `images [n, 3, h, w]` away from `labels [n]`, beginning at `images + start`. The
    /// network runs in evaluation mode, on a device with automatic differentiation.
    pub fn perturb(
        &self,
        network: &Network,
        images: Tensor<4>,
        start: Tensor<4>,
        labels: &Tensor<1, Int>,
    ) -> Tensor<4> {
        let low = (images.clone() - self.eps).clamp_min(0.0);
        let high = (images.clone() + self.eps).clamp_max(1.0);
        let clip = |x: Tensor<4>| x.max_pair(low.clone()).min_pair(high.clone());
        let mut x = clip(images + start);
        for _ in 0..self.steps {
            let input = x.detach().require_grad();
            let loss = cross_entropy(network.forward(input.clone()).logits, labels.clone());
            let gradients = loss.backward();
            let Some(gradient) = input.grad(&gradients) else { return input };
            x = clip(input.detach() + Tensor::from_inner(gradient.sign()) * self.step);
        }
        x.detach()
    }

    /// Perturbs images from a random point of the ball; each image's point is drawn from its own
    /// stream.
    pub fn perturb_each(
        &self,
        network: &Network,
        images: Tensor<4>,
        labels: &Tensor<1, Int>,
        streams: impl Iterator<Item = Stream>,
    ) -> Tensor<4> {
        let shape = images.dims();
        let size = shape[1..].iter().product();
        let start = streams
            .flat_map(|mut stream| (0..size).map(move |_| stream.range(-self.eps, self.eps)));
        let start = Tensor::from_data(TensorData::new(start.collect(), shape), &images.device());
        self.perturb(network, images, start, labels)
    }

    /// Perturbs a batch away from its labels, from a random point of the ball, and counts the
    /// passes.
    pub fn perturb_batch(&self, fixed: &Network, batch: &mut Batch) -> Tensor<4> {
        let shape = batch.images.dims();
        let count = shape.iter().product();
        let start: Vec<f32> = (0..count).map(|_| batch.random.range(-self.eps, self.eps)).collect();
        let start = Tensor::from_data(TensorData::new(start, shape), &batch.images.device());
        batch.passes += self.steps * batch.size();
        self.perturb(fixed, batch.images.clone(), start, &batch.labels)
    }
}
