//! Projected gradient descent on a network's input.

use crate::job::Batch;
use crate::objectives::cross_entropy;
use burn::tensor::{Int, Tensor, TensorData};
use unstamp_data::choices;
use unstamp_data::seed::Stream;
use unstamp_networks::model::Network;

choices! {
    /// The length of a perturbation.
    pub enum Norm {
        /// The largest change of a channel of a pixel.
        Linf = "linf",
        /// The root of the sum of squared changes over the image.
        L2 = "l2",
    }
}

/// Untargeted PGD ([Madry et al. 2018](https://arxiv.org/abs/1706.06083)):
///
/// `x <- clip(x + step d)`, where `clip` keeps `x` within `eps` of the original and within 0..1. With
/// `g = d CE(f(x), y) / dx` the direction is `d = sign(g)` in L-infinity and `d = g / |g|` in L2.
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_data::seed::Seed;
/// use unstamp_experiments::adversarial::{Norm, Pgd};
/// use unstamp_networks::model::{Arch, weights::read};
///
/// let device = Device::flex().autodiff();
/// let network = Arch::new("wrn-10-1", 10).init(Seed(0), &device)?;
/// let images = Tensor::<4>::ones([1, 3, 8, 8], &device) * 0.5;
/// let labels = Tensor::from_ints([7], &device);
/// let attack = Pgd { norm: Norm::Linf, eps: 0.1, step: 0.05, steps: 3 };
/// let moved = attack.perturb(&network, images.clone(), images.zeros_like(), &labels);
/// let largest = (moved - images).abs().max().inner();
/// let largest = pollster::block_on(read(vec![largest]))?[0][0];
/// assert!((largest - 0.1).abs() < 1e-6, "three steps of 0.05 reach the edge of the ball");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pgd {
    /// Norm of the ball.
    pub norm: Norm,
    /// Radius; pixels lie in 0..1.
    pub eps: f32,
    /// Length of one step.
    pub step: f32,
    /// Number of steps.
    pub steps: usize,
}

/// The L2 norm of every image, `[n, 1, 1, 1]`, and never 0, because it divides.
fn lengths(x: &Tensor<4>) -> Tensor<4> {
    let squares = (x.clone() * x.clone()).sum_dim(1).sum_dim(2).sum_dim(3);
    squares.sqrt().clamp_min(1e-12)
}

impl Pgd {
    /// `x` moved into the ball around `images`, and then into 0..1.
    fn clip(&self, x: Tensor<4>, images: &Tensor<4>) -> Tensor<4> {
        match self.norm {
            Norm::Linf => {
                let low = (images.clone() - self.eps).clamp_min(0.0);
                let high = (images.clone() + self.eps).clamp_max(1.0);
                x.max_pair(low).min_pair(high)
            }
            Norm::L2 => {
                let delta = x - images.clone();
                let scale = (lengths(&delta).recip() * self.eps).clamp_max(1.0);
                (images.clone() + delta * scale).clamp(0.0, 1.0)
            }
        }
    }

    /// The direction of a step.
    fn direction(&self, gradient: Tensor<4>) -> Tensor<4> {
        match self.norm {
            Norm::Linf => gradient.sign(),
            Norm::L2 => gradient.clone() / lengths(&gradient),
        }
    }

    /// Perturbs `images [n, 3, h, w]` away from `labels [n]`, beginning at `images + start`. The
    /// network runs in evaluation mode, on a device with automatic differentiation.
    pub fn perturb(
        &self,
        network: &Network,
        images: Tensor<4>,
        start: Tensor<4>,
        labels: &Tensor<1, Int>,
    ) -> Tensor<4> {
        let mut x = self.clip(images.clone() + start, &images);
        for _ in 0..self.steps {
            let input = x.detach().require_grad();
            let loss = cross_entropy(network.forward(input.clone()).logits, labels.clone());
            let gradients = loss.backward();
            let Some(gradient) = input.grad(&gradients) else { return input };
            let step = Tensor::from_inner(self.direction(gradient)) * self.step;
            x = self.clip(input.detach() + step, &images);
        }
        x.detach()
    }

    /// Perturbs images from a random point of the ball (in L2 of its surface); each image's point is
    /// drawn from its own stream.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arch, close, fresh, values};
    use burn::module::Module;
    use burn::tensor::Device;
    use unstamp_data::seed::Seed;
    use unstamp_networks::model::weights;

    fn pgd(norm: Norm, eps: f32) -> Pgd {
        Pgd { norm, eps, step: eps, steps: 1 }
    }

    /// One image of one pixel.
    fn pixel(values: [f32; 3]) -> Tensor<4> {
        Tensor::<1>::from_floats(values, &Device::flex()).reshape([1, 3, 1, 1])
    }

    #[test]
    fn a_cube_is_cut_off_at_the_ends_of_the_range() {
        let image = pixel([0.95, 0.5, 0.05]);
        let moved = pgd(Norm::Linf, 0.1).clip(pixel([2.0, 0.55, -1.0]), &image);
        close(&values(moved), &[1.0, 0.55, 0.0]);
        let moved = pgd(Norm::Linf, 0.1).clip(pixel([0.0, 0.0, 1.0]), &image);
        close(&values(moved), &[0.85, 0.4, 0.15]);
    }

    #[test]
    fn a_point_outside_of_the_ball_moves_to_its_surface() {
        let image = pixel([0.0; 3]);
        let moved = pgd(Norm::L2, 0.25).clip(pixel([0.3, 0.4, 0.0]), &image);
        close(&values(moved), &[0.15, 0.2, 0.0]);
        let inside = pgd(Norm::L2, 0.25).clip(pixel([0.03, 0.04, 0.0]), &image);
        close(&values(inside), &[0.03, 0.04, 0.0]);
    }

    #[test]
    fn a_direction_is_a_sign_or_a_unit_vector() {
        close(&values(pgd(Norm::Linf, 0.1).direction(pixel([3.0, 0.0, -4.0]))), &[1.0, 0.0, -1.0]);
        close(&values(pgd(Norm::L2, 0.1).direction(pixel([3.0, 0.0, -4.0]))), &[0.6, 0.0, -0.8]);
        assert_eq!(values(pgd(Norm::L2, 0.1).direction(pixel([0.0; 3]))), [0.0; 3]);
    }

    #[test]
    fn each_image_has_its_own_start() {
        let device = Device::flex().autodiff();
        let network = weights::network(&arch(), &fresh(), &device).expect("they fit").no_grad();
        let attack = Pgd { steps: 0, ..pgd(Norm::Linf, 0.1) };
        let moved = |places: &[u64]| {
            let n = places.len();
            let images = Tensor::ones([n, 3, 2, 2], &device) * 0.5;
            let labels = Tensor::zeros([n], &device);
            let streams = places.iter().map(|place| Seed(0).stream("start", &[*place]));
            values(attack.perturb_each(&network, images, &labels, streams).inner())
        };
        let both = moved(&[4, 9]);
        assert_eq!(both, [moved(&[4]), moved(&[9])].concat());
        assert_ne!(both[..12], both[12..]);
    }
}
