//! Attention maps ([NAD](https://arxiv.org/abs/2101.05930), equation 1; [Zagoruyko & Komodakis
//! 2017](https://arxiv.org/abs/1612.03928)): one value for each position of a feature map, which says how
//! strongly the channels respond there.

use crate::model::weights::{WeightsError, read};
use crate::model::{Frozen, Maps, pooling};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize, Serializer};
use unstamp_data::attacks::Area;
use unstamp_data::choices;
pub use unstamp_data::heat::AttentionMap;

choices! {
    /// How the `C` channels `F_i` of a feature become one map: `A(F) = sum_i |F_i|^p`, or the mean over
    /// channels.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Operator {
        /// `sum |F|^2`, the default of the NAD paper
        Sum2 = "sum2",
        /// `sum |F|`
        Sum = "sum",
        /// `(1/C) sum |F|`
        Mean = "mean",
        /// `(1/C) sum |F|^2`
        Mean2 = "mean2",
        /// `sum |F|^4`. The NAD paper shows five maps in figure 12 and names only the other four
        Sum4 = "sum4",
        /// No map but the activations themselves (NAD table 8)
        Raw = "raw",
    }
}

impl Operator {
    /// The maps of a batch of features: `[n, c, h, w]` -> `[n, h * w]`; for [`Operator::Raw`]
    /// `[n, c * h * w]`.
    ///
    /// # Examples
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use unstamp_networks::attention::Operator;
    /// use unstamp_networks::model::weights::read;
    ///
    /// // Two channels on one row of two positions.
    /// let feature = Tensor::from_floats([[[[1.0, 2.0]], [[3.0, -4.0]]]], &Device::flex());
    /// let map = Operator::Sum2.map(feature);
    /// assert_eq!(map.dims(), [1, 2]);
    /// assert_eq!(pollster::block_on(read(vec![map.flatten(0, 1)]))?, [[10.0, 20.0]]);
    /// # Ok::<(), unstamp_networks::model::weights::WeightsError>(())
    /// ```
    pub fn map(self, feature: Tensor<4>) -> Tensor<2> {
        let [n, c, h, w] = feature.dims();
        let square = |x: Tensor<4>| x.clone() * x;
        let power = match self {
            Self::Raw => return feature.reshape([n, c * h * w]),
            Self::Sum | Self::Mean => feature.abs(),
            Self::Sum2 | Self::Mean2 => square(feature),
            Self::Sum4 => square(square(feature)),
        };
        let sum = power.reshape([n, c, h * w]).sum_dim(1).reshape([n, h * w]);
        match self {
            Self::Mean | Self::Mean2 => sum / c as f32,
            _ => sum,
        }
    }
}

/// Euclidean norm of every row, `[n, m]` -> `[n, 1]`. Its gradient is 0 where the norm is 0.
pub fn norm(x: Tensor<2>) -> Tensor<2> {
    let squared = (x.clone() * x).sum_dim(1);
    let zero = squared.clone().equal_elem(0.0);
    squared.mask_fill(zero.clone(), 1.0).sqrt().mask_fill(zero, 0.0)
}

/// Every row divided by its norm; an all-zero row stays zero.
pub fn normalised(map: Tensor<2>) -> Tensor<2> {
    let length = norm(map.clone());
    let zero = length.clone().equal_elem(0.0);
    map / length.mask_fill(zero, 1.0)
}

/// Maps averaged to `height` x `width` cells: `[n, c, h, w]` -> `[n, c, height, width]`. Maps of that
/// size stay as they are.
pub fn pooled(maps: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let [n, c, h, w] = maps.dims();
    if (h, w) == (height, width) {
        return maps;
    }
    if h % height != 0 || w % width != 0 {
        return pooling::cells(maps, [height, width]);
    }
    let tiles = maps.reshape([n * c, height, h / height, width, w / width]);
    tiles.mean_dim(4).mean_dim(2).reshape([n, c, height, width])
}

/// Share of a map's mass that lies on `area` of an image. The map and the image are `(width, height)`
/// in size; a cell counts by the part of it that the area covers. 0 for an empty map.
///
/// # Examples
///
/// ```
/// use unstamp_data::attacks::Area;
/// use unstamp_networks::attention::share_on;
///
/// // The lower right cell of a 2x2 map is the lower right quarter of a 32x32 image.
/// let corner = Area { x: 16, y: 16, width: 16, height: 16 };
/// let map = [1.0, 0.0, 0.0, 3.0];
/// assert_eq!(share_on(&map, (2, 2), &corner, (32, 32)), 0.75);
/// ```
pub fn share_on(
    map: &[f32],
    map_size: (usize, usize),
    area: &Area,
    image_size: (usize, usize),
) -> f64 {
    let columns = covered(map_size.0, image_size.0, area.x, area.width);
    let rows = covered(map_size.1, image_size.1, area.y, area.height);
    let mut on = 0.0;
    let mut all = 0.0;
    for (index, value) in map.iter().enumerate() {
        let share = rows[index / map_size.0] * columns[index % map_size.0];
        on += f64::from(*value) * share;
        all += f64::from(*value);
    }
    // A feature that overflowed has no share.
    if all > 0.0 && all.is_finite() { on / all } else { 0.0 }
}

/// For each of `cells` cells along a side of `pixels` pixels: the share of it that lies between
/// `start` and `start + length`.
fn covered(cells: usize, pixels: usize, start: usize, length: usize) -> Vec<f64> {
    let step = pixels as f64 / cells as f64;
    let share = |cell: usize| {
        let from = (cell as f64 * step).max(start as f64);
        let to = ((cell + 1) as f64 * step).min((start + length) as f64);
        (to - from).max(0.0) / step
    };
    (0..cells).map(share).collect()
}

/// The prediction and the attention maps of a network for one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Prediction {
    /// One for each class; their sum is 1.
    pub probabilities: Vec<f32>,
    /// The [`Operator::Sum2`] map of every feature, divided by its Euclidean norm, from the input to the
    /// output. Serialised without width and height.
    #[serde(serialize_with = "values_of")]
    pub maps: Vec<AttentionMap>,
}

/// Writes only the values of each map.
fn values_of<S: Serializer>(maps: &[AttentionMap], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(maps.iter().map(|map| &map.values))
}

/// Softmax, `exp(z_i) / sum_j exp(z_j)`. It uses `libm`, so every platform gives the same bits.
fn probabilities(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|z| libm::expf(z - most)).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// A^2_sum of the feature of one image, `[channels, positions]`, divided by its Euclidean norm.
fn map(feature: &[f32], channels: usize) -> Vec<f32> {
    let places = feature.len() / channels.max(1);
    let mut map = vec![0.0; places];
    for plane in feature.chunks_exact(places.max(1)) {
        map.iter_mut().zip(plane).for_each(|(sum, value)| *sum += value * value);
    }
    let length = map.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        map.iter_mut().for_each(|v| *v /= length);
    }
    map
}

/// Probabilities and attention maps of one image, `[1, 3, h, w]` in 0..1. Softmax and maps are computed
/// here and not on the device: the cost is small, and the page's first program needs fewer operations.
///
/// # Errors
/// If the device does not give its results back.
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_data::seed::Seed;
/// use unstamp_networks::attention::predict_with_maps;
/// use unstamp_networks::model::{Arch, weights};
///
/// let device = Device::flex();
/// let arch = Arch::new("wrn-10-1", 10);
/// let arrays = pollster::block_on(weights::arrays(&arch.init(Seed(0), &device)?))?;
/// let network = weights::frozen(&arch, &arrays, &device)?;
/// let image = Tensor::ones([1, 3, 32, 32], &device) * 0.5;
/// let prediction = pollster::block_on(predict_with_maps(&network, image))?;
/// assert!((prediction.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
/// let last = prediction.maps.last().expect("there are three maps");
/// assert_eq!((last.width, last.height, last.values.len()), (8, 8, 64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn predict_with_maps(
    network: &Frozen,
    image: Tensor<4>,
) -> Result<Prediction, WeightsError> {
    let output = network.forward(image);
    let shapes: Vec<[usize; 4]> = output.features.iter().map(Maps::dims).collect();
    let mut tensors = vec![output.logits.flatten(0, 1)];
    tensors.extend(output.features.into_iter().map(|f| f.into_tensor().flatten(0, 3)));
    let mut values = read(tensors).await?.into_iter();
    let logits = values.next().unwrap_or_default();
    let maps = values.zip(shapes).map(|(feature, [_, channels, height, width])| {
        let values = map(&feature, channels);
        AttentionMap { width, height, values }
    });
    let maps = maps.collect();
    Ok(Prediction { probabilities: probabilities(&logits), maps })
}

#[cfg(test)]
mod tests;
