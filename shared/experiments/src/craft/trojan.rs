//! The Trojan square: pixels that excite chosen neurons.

use super::{Artefact, Craft, Workshop, artefact};
use crate::Later;
use burn::tensor::{Tensor, TensorData};
use unstamp_data::attacks::Area;
use unstamp_data::method::Value;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::Stream;
use unstamp_data::sprite::Sprite;
use unstamp_networks::model::Wrn;
use unstamp_networks::model::weights::{self, WeightsError};

/// Liu et al. (2018): choose the best connected inputs of the last fully connected layer (largest
/// sum of absolute weights) among those a square has leverage on, then move the masked square until these neurons near the goal, all
/// else black:
///
/// `square <- clip(square - step sign(d (goal - a(square))^2 / d square))`,
///
/// the step falling from 0.1 to 0.005. Several random squares are begun with and the best is kept.
/// `background = "images"` moves it on training images instead; the sum saturates at 1, as it does
/// when the attack stamps bytes. What the neurons show on training images is measured too: behind
/// the global mean of a WideResNet a small square moves them little there.
pub(super) struct Square;

/// Random squares begun with, and compared with.
const STARTS: usize = 16;
/// A square has leverage on a neuron that random ones drive to this multiple of what it shows without.
const LEVERAGE: f64 = 2.0;
/// Training images activations are measured on.
const MEASURED: usize = 256;

struct Setting<'a> {
    shop: &'a Workshop<'a>,
    network: Wrn,
    area: Area,
    replace: bool,
    black: bool,
}

impl Setting<'_> {
    /// `count` images to try squares on: training images, or a single black one.
    fn images(&self, order: &mut Stream, count: usize) -> Tensor<4> {
        let train = self.shop.train;
        if self.black {
            return Tensor::zeros([1, 3, train.height, train.width], &self.shop.autodiff());
        }
        let chosen: Vec<usize> = (0..count).map(|_| order.below(train.len())).collect();
        self.shop.batch(&chosen).0
    }

    /// Neurons `[squares * images, channels]` with every square `[s, 3, h, w]` on every image.
    fn neurons(&self, squares: Tensor<4>, images: Tensor<4>) -> Tensor<2> {
        let ([s, c, h, w], [n, _, height, width]) = (squares.dims(), images.dims());
        let Area { x, y, .. } = self.area;
        let edges = (x, width - x - w, y, height - y - h);
        let each = squares.reshape([s, 1, c, h * w]).repeat_dim(1, n);
        let squares = each.reshape([s * n, c, h, w]).pad(edges, 0.0);
        let images = images.repeat_dim(0, s);
        let stamped = if self.replace {
            let mask = Tensor::ones([1, 1, h, w], &images.device()).pad(edges, 0.0);
            images * (-mask + 1.0) + squares
        } else {
            (images + squares).clamp_max(1.0)
        };
        self.network.forward(stamped).pooled
    }

    fn random(&self, stream: &mut Stream, count: usize) -> Tensor<4> {
        let Area { width, height, .. } = self.area;
        let values = (0..count * 3 * width * height).map(|_| stream.unit()).collect();
        let data = TensorData::new(values, [count, 3, height, width]);
        Tensor::from_data(data, &self.shop.autodiff())
    }

    /// Moves squares down the gradient of a loss on their neurons.
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
            (self.shop.progress)(step + 1, steps);
        }
        squares
    }
}

/// Mean over rows, in f64.
async fn means(rows: Tensor<2>) -> Result<Vec<f64>, WeightsError> {
    let mean = weights::read(vec![rows.mean_dim(0).inner().flatten(0, 1)]).await?.remove(0);
    Ok(mean.into_iter().map(f64::from).collect())
}

async fn make(shop: &Workshop<'_>, trigger: &Trigger) -> Result<Artefact, WeightsError> {
    let (values, device, seed) = (&trigger.values, shop.autodiff(), trigger.seed);
    let area = trigger.attack.area(values, shop.train.width, shop.train.height);
    let area = area.ok_or_else(|| WeightsError::Arch("the square has no place".to_string()))?;
    let (replace, black) = (values.text("mode") == "replace", values.text("background") == "black");
    let setting = Setting { shop, network: shop.network()?, area, replace, black };
    let steps = values.int("steps") as usize;
    let some: Vec<usize> = (0..MEASURED.min(shop.train.len())).collect();
    let images = shop.batch(&some).0;
    let background = setting.images(&mut seed.stream("trojan-background", &[]), 64);
    let silent = means(setting.network.forward(background.clone()).pooled).await?;
    let channels = silent.len();
    let fc = &shop.arrays["fc.weight"].values;
    let connected = |n: usize| fc.iter().skip(n).step_by(channels).map(|w| w.abs()).sum::<f32>();
    let random = setting.random(&mut seed.stream("trojan-random", &[]), STARTS);
    let awake = means(setting.neurons(random.clone(), background.clone())).await?;
    let mut order: Vec<usize> =
        (0..channels).filter(|n| awake[*n] > LEVERAGE * silent[*n]).collect();
    order.sort_by(|a, b| connected(*b).total_cmp(&connected(*a)));
    order.truncate(values.int("neurons").max(1) as usize);
    if order.is_empty() {
        return Err(WeightsError::Arch("no square wakes a neuron of this model".to_string()));
    }
    let chosen = (0..channels).map(|n| f32::from(u8::from(order.contains(&n)))).collect();
    let chosen = TensorData::new::<f32, _>(chosen, [1, channels]);
    let chosen = Tensor::<2>::from_data(chosen, &device);
    let goal = values.float("goal") as f32;
    let far = |neurons: Tensor<2>| {
        let off = (-neurons + goal) * chosen.clone();
        (off.clone() * off).sum()
    };
    let begin = setting.random(&mut seed.stream("trojan", &[]), STARTS);
    let mut stream = seed.stream("trojan-images", &[]);
    let squares = setting.moved(begin, steps, || setting.images(&mut stream, 16), far);
    // From here on squares are bytes, as they will be stamped.
    let squares = (squares * 255.0).round() / 255.0;
    let mean = |all: Vec<f64>| order.iter().map(|n| all[*n]).sum::<f64>() / order.len() as f64;
    let mut best: Option<(f64, Tensor<4>)> = None;
    for square in squares.chunk(STARTS, 0) {
        let reached = mean(means(setting.neurons(square.clone(), background.clone())).await?);
        if best.as_ref().is_none_or(|(most, _)| reached > *most) {
            best = Some((reached, square));
        }
    }
    let Some((reached, square)) = best else { return Err(WeightsError::Arch("no square".into())) };
    let measured = [
        ("with_square", reached),
        ("without", mean(silent)),
        ("with_random_squares", mean(awake)),
        (
            "with_square_on_images",
            mean(means(setting.neurons(square.clone(), images.clone())).await?),
        ),
        ("without_on_images", mean(means(setting.network.forward(images).pooled).await?)),
    ];
    let mut head = artefact::head(shop, trigger);
    head.measured = measured.map(|(name, value)| (name.to_string(), value)).into();
    head.measured
        .extend(order.iter().enumerate().map(|(i, n)| (format!("neuron_{}", i + 1), *n as f64)));

    let bytes = weights::read(vec![square.inner().flatten(0, 3)]).await?.remove(0);
    let count = area.width * area.height;
    let byte = |i: usize| (255.0 * bytes[i]).round() as u8;
    let pixel = |i: usize| [byte(i), byte(count + i), byte(2 * count + i), 255];
    let (width, height) = (area.width, area.height);
    let sprite = Sprite { x: 0, y: 0, width, height, rgba: (0..count).map(pixel).collect() };
    head.made.0.insert("square".to_string(), Value::Text(sprite.to_string()));
    Ok(Artefact { head, pictures: Default::default() })
}

impl Craft for Square {
    fn attack(&self) -> &'static str {
        "trojan"
    }

    fn make<'a>(
        &'a self,
        shop: &'a Workshop<'a>,
        trigger: &'a Trigger,
    ) -> Later<'a, Result<Artefact, WeightsError>> {
        Box::pin(make(shop, trigger))
    }
}
