//! The Trojan square: pixels that excite chosen neurons.

use super::{Artefact, Craft, CraftContext, CraftError, artefact};
use crate::BoxFuture;
use burn::tensor::{Tensor, TensorData};
use unstamp_data::attacks::{Area, Background, Mode, TrojanSettings};
use unstamp_data::method::Value;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::Stream;
use unstamp_data::settings::Settings;
use unstamp_data::sprite::Sprite;
use unstamp_networks::batches::ImageBatch;
use unstamp_networks::model::Network;
use unstamp_networks::model::weights::{self, WeightsError};

/// Liu et al. 2018, ["Trojaning Attack on Neural Networks"](https://doi.org/10.14722/ndss.2018.23291)
/// (NDSS): take the inputs of the last fully connected layer with the largest sum of absolute weights,
/// among those that a square can raise, and move the masked square until these neurons are near the
/// goal, all else black:
///
/// `square <- clip(square - step sign(d (goal - a(square))^2 / d square))`,
///
/// the step falling from 0.1 to 0.005. Several random squares are tried and the best is kept. With
/// `background = "images"` the square is moved on training images instead; the sum saturates at 1,
/// as it does when the attack stamps bytes. The neurons' response on training images is measured
/// too: behind the global mean of a WideResNet a small square moves them little there.
pub(super) struct Square;

/// Random squares to begin with, and to compare with.
const STARTS: usize = 16;
/// Only neurons are chosen that random squares raise to this multiple of their value without a square.
const MIN_RAISE: f64 = 2.0;
/// Training images that activations are measured on.
const MEASURED: usize = 256;
/// Background images that the neurons are chosen on.
const BACKGROUND: usize = 64;
/// Background images of one step of the square.
const IMAGES_PER_STEP: usize = 16;

/// The network, and the area of the square on the images that it predicts.
struct Scene<'a> {
    context: &'a CraftContext<'a>,
    network: Network,
    area: Area,
    settings: TrojanSettings,
}

impl<'a> Scene<'a> {
    fn new(context: &'a CraftContext<'a>, trigger: &Trigger) -> Result<Self, CraftError> {
        let values = &trigger.values;
        let area = trigger.attack.area(values, context.train.width, context.train.height);
        Ok(Self {
            context,
            network: context.network()?,
            area: area.ok_or(CraftError::NoArea)?,
            settings: TrojanSettings::from_values(values)?,
        })
    }

    /// The training images at `indices`, `[n, 3, h, w]`.
    fn training(&self, indices: Vec<usize>) -> Tensor<4> {
        ImageBatch { split: self.context.train, indices }.images(&self.context.autodiff())
    }

    /// `count` random training images to try squares on, or a single black one.
    fn images(&self, order: &mut Stream, count: usize) -> Tensor<4> {
        let train = self.context.train;
        match self.settings.background {
            Background::Black => {
                Tensor::zeros([1, 3, train.height, train.width], &self.context.autodiff())
            }
            Background::Images => {
                self.training((0..count).map(|_| order.below(train.len())).collect())
            }
        }
    }

    /// Neurons `[squares * images, channels]` with every square `[s, 3, h, w]` on every image.
    fn neurons(&self, squares: Tensor<4>, images: Tensor<4>) -> Tensor<2> {
        let [s, c, h, w] = squares.dims();
        let [n, _, height, width] = images.dims();
        let Area { x, y, .. } = self.area;
        let edges = (x, width - x - w, y, height - y - h);
        let each = squares.reshape([s, 1, c, h * w]).repeat_dim(1, n);
        let squares = each.reshape([s * n, c, h, w]).pad(edges, 0.0);
        let images = images.repeat_dim(0, s);
        let stamped = match self.settings.mode {
            Mode::Replace => {
                let mask = Tensor::ones([1, 1, h, w], &images.device()).pad(edges, 0.0);
                images * (-mask + 1.0) + squares
            }
            Mode::Add => (images + squares).clamp_max(1.0),
        };
        self.network.forward(stamped).pooled
    }

    /// `count` squares of random pixels in 0..1.
    fn random(&self, stream: &mut Stream, count: usize) -> Tensor<4> {
        let Area { width, height, .. } = self.area;
        let values = (0..count * 3 * width * height).map(|_| stream.unit()).collect();
        let data = TensorData::new(values, [count, 3, height, width]);
        Tensor::from_data(data, &self.context.autodiff())
    }

    /// Moves squares against the gradient of a loss of their neurons.
    fn moved(
        &self,
        mut squares: Tensor<4>,
        steps: usize,
        mut images: impl FnMut() -> Tensor<4>,
        loss: impl Fn(Tensor<2>) -> Tensor<1>,
    ) -> Tensor<4> {
        for step in 0..steps {
            let input = squares.clone().detach().require_grad();
            let gradients = loss(self.neurons(input.clone(), images())).backward();
            let Some(gradient) = input.grad(&gradients) else { break };
            let size = 0.1 * libm::powf(0.05, step as f32 / steps as f32);
            squares = input.detach() - Tensor::from_inner(gradient.sign()) * size;
            squares = squares.clamp(0.0, 1.0);
            (self.context.progress)(step + 1, steps);
        }
        squares
    }

    /// Weights of the last layer, `[classes, neurons]`.
    fn last_weights(&self) -> Result<&[f32], CraftError> {
        let network = self.context.arch.describe().map_err(WeightsError::from)?;
        let name = network.layers.last().map(|layer| format!("{}.weight", layer.name));
        let array = name.and_then(|name| self.context.arrays.get(&name));
        Ok(&array.ok_or(CraftError::NoNeuron)?.values)
    }

    /// The neurons with the largest sums of absolute weights among those that random squares raise
    /// enough, at most as many as the settings ask for. The arguments are the neurons' values without a
    /// square and with random ones.
    fn chosen_neurons(
        &self,
        without_square: &[f64],
        with_random: &[f64],
    ) -> Result<Vec<usize>, CraftError> {
        let channels = without_square.len();
        let last = self.last_weights()?;
        let connected =
            |n: usize| last.iter().skip(n).step_by(channels).map(|w| w.abs()).sum::<f32>();
        let mut order: Vec<usize> =
            (0..channels).filter(|n| with_random[*n] > MIN_RAISE * without_square[*n]).collect();
        order.sort_by(|a, b| connected(*b).total_cmp(&connected(*a)));
        order.truncate(self.settings.neurons.max(1));
        if order.is_empty() { Err(CraftError::NoNeuron) } else { Ok(order) }
    }

    /// Squares moved from random ones until the chosen neurons, of `channels`, are near the goal;
    /// rounded to bytes, as they will be stamped.
    fn squares(&self, trigger: &Trigger, neurons: &[usize], channels: usize) -> Tensor<4> {
        let chosen = (0..channels).map(|n| f32::from(u8::from(neurons.contains(&n)))).collect();
        let chosen = TensorData::new::<f32, _>(chosen, [1, channels]);
        let chosen = Tensor::<2>::from_data(chosen, &self.context.autodiff());
        let goal = self.settings.goal as f32;
        let steps = self.settings.steps;
        let far = |neurons: Tensor<2>| {
            let off = (-neurons + goal) * chosen.clone();
            (off.clone() * off).sum()
        };
        let begin = self.random(&mut trigger.seed.stream("trojan", &[]), STARTS);
        let mut stream = trigger.seed.stream("trojan-images", &[]);
        let images = || self.images(&mut stream, IMAGES_PER_STEP);
        let squares = self.moved(begin, steps, images, far);
        (squares * 255.0).round() / 255.0
    }

    /// The square that raises the neurons most, and their mean under it.
    async fn best(
        &self,
        squares: Tensor<4>,
        neurons: &[usize],
        background: &Tensor<4>,
    ) -> Result<(f64, Tensor<4>), CraftError> {
        let mut best: Option<(f64, Tensor<4>)> = None;
        for square in squares.chunk(STARTS, 0) {
            let all = means(self.neurons(square.clone(), background.clone())).await?;
            let reached = mean_of(neurons, &all);
            if best.as_ref().is_none_or(|(most, _)| reached > *most) {
                best = Some((reached, square));
            }
        }
        best.ok_or(CraftError::NoNeuron)
    }
}

/// Mean over rows, in f64.
async fn means(rows: Tensor<2>) -> Result<Vec<f64>, WeightsError> {
    let mean = weights::read(vec![rows.mean_dim(0).inner().flatten(0, 1)]).await?.remove(0);
    Ok(mean.into_iter().map(f64::from).collect())
}

/// Mean of the values of some neurons.
fn mean_of(neurons: &[usize], all: &[f64]) -> f64 {
    neurons.iter().map(|n| all[*n]).sum::<f64>() / neurons.len() as f64
}

/// The opaque sprite of a square `[1, 3, height, width]` in 0..1.
async fn sprite(square: Tensor<4>, area: &Area) -> Result<Sprite, WeightsError> {
    let values = weights::read(vec![square.inner().flatten(0, 3)]).await?.remove(0);
    let count = area.width * area.height;
    let byte = |i: usize| (255.0 * values[i]).round() as u8;
    let pixel = |i: usize| [byte(i), byte(count + i), byte(2 * count + i), 255];
    let rgba = (0..count).map(pixel).collect();
    Ok(Sprite { x: 0, y: 0, width: area.width, height: area.height, rgba })
}

async fn make(context: &CraftContext<'_>, trigger: &Trigger) -> Result<Artefact, CraftError> {
    let scene = Scene::new(context, trigger)?;
    let images = scene.training((0..MEASURED.min(context.train.len())).collect());
    let mut stream = trigger.seed.stream("trojan-background", &[]);
    let background = scene.images(&mut stream, BACKGROUND);
    let without_square = means(scene.network.forward(background.clone()).pooled).await?;
    let random = scene.random(&mut trigger.seed.stream("trojan-random", &[]), STARTS);
    let with_random = means(scene.neurons(random, background.clone())).await?;
    let neurons = scene.chosen_neurons(&without_square, &with_random)?;
    let squares = scene.squares(trigger, &neurons, without_square.len());
    let (reached, square) = scene.best(squares, &neurons, &background).await?;
    let with_square = means(scene.neurons(square.clone(), images.clone())).await?;
    let without = means(scene.network.forward(images).pooled).await?;
    let measured = [
        ("with_square", reached),
        ("without", mean_of(&neurons, &without_square)),
        ("with_random_squares", mean_of(&neurons, &with_random)),
        ("with_square_on_images", mean_of(&neurons, &with_square)),
        ("without_on_images", mean_of(&neurons, &without)),
    ];
    let mut provenance = artefact::provenance(context, trigger);
    provenance.measured = measured.map(|(name, value)| (name.to_string(), value)).into();
    let named = neurons.iter().enumerate();
    provenance.measured.extend(named.map(|(i, n)| (format!("neuron_{}", i + 1), *n as f64)));
    let sprite = sprite(square, &scene.area).await?;
    provenance.made.0.insert("square".to_string(), Value::Text(sprite.to_string()));
    Ok(Artefact { provenance, pictures: Default::default() })
}

impl Craft for Square {
    fn attack(&self) -> &'static str {
        "trojan"
    }

    fn make<'a>(
        &'a self,
        context: &'a CraftContext<'a>,
        trigger: &'a Trigger,
    ) -> BoxFuture<'a, Result<Artefact, CraftError>> {
        Box::pin(make(context, trigger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_mean_is_over_the_chosen_neurons() {
        assert_eq!(mean_of(&[0, 2], &[1.0, 2.0, 4.0]), 2.5);
    }

    /// Two pixels, `(1, 0, 0.5)` and `(0, 1, 0)`, stored as planes.
    #[test]
    fn a_sprite_holds_opaque_pixels() {
        let device = Device::flex().autodiff();
        let square = Tensor::<1>::from_floats([1.0, 0.0, 0.0, 1.0, 0.5, 0.0], &device);
        let area = Area { x: 3, y: 4, width: 2, height: 1 };
        let sprite = sprite(square.reshape([1, 3, 1, 2]), &area);
        let sprite = pollster::block_on(sprite).expect("readable");
        assert_eq!((sprite.width, sprite.height), (2, 1));
        assert_eq!(sprite.rgba, [[255, 0, 128, 255], [0, 255, 0, 255]]);
    }
}
