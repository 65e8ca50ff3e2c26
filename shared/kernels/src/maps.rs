//! Feature maps, in the order of numbers that the device computes with.

use crate::Raw;
use crate::ops::FusedOps;
use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::Tensor;
use burn::tensor::activation;

/// Feature maps of `n` images: `c` channels of `h` rows and `w` columns.
///
/// On `Flex` they are stored with channels last, `[n, h, w, c]`, so that a vector of the processor holds
/// neighbouring channels; on other backends with channels first, `[n, c, h, w]`. The functions of this crate
/// take and return maps, so that the order changes only where tensors become maps ([`Maps::new`]) and where
/// maps become tensors ([`Maps::into_tensor`]).
///
/// Maps of [`conv2d_with_statistics`](crate::conv2d_with_statistics) and
/// [`batch_norm_conv2d`](crate::batch_norm_conv2d) hold their mean and variance; for others
/// [`Maps::measured`] computes them.
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::Device;
/// use burn_fused_conv::{Maps, floats};
///
/// // Two channels of one row and two columns.
/// let tensor = floats(vec![1.0, 2.0, 3.0, 4.0], [1, 2, 1, 2], &Device::flex());
/// let maps = Maps::new(tensor);
/// assert_eq!(maps.dims(), [1, 2, 1, 2]);
/// let means = maps.mean().into_tensor().into_data().try_into_vec::<f32>().expect("f32");
/// assert_eq!(means, [1.5, 3.5]);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Maps {
    tensor: Tensor<4>,
    statistics: Option<Box<Statistics>>,
}

/// Statistics of every channel over batch and space, `[c]`. They pass no gradient on.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Mean.
    pub mean: Tensor<1>,
    /// Biased variance.
    pub var: Tensor<1>,
}

impl Statistics {
    pub(crate) fn new(mean: Raw, var: Raw) -> Self {
        let [mean, var] = [mean, var].map(|raw| Tensor::from_dispatch(raw).detach());
        Self { mean, var }
    }
}

/// Whether the numbers of maps on this device are stored with channels last.
fn is_channels_last(device: &DispatchDevice) -> bool {
    match device {
        #[cfg(feature = "cpu")]
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "learn")]
        DispatchDevice::Autodiff(device) => is_channels_last(device),
        #[allow(
            unreachable_patterns,
            reason = "it depends on the features which devices there are"
        )]
        _ => false,
    }
}

impl Maps {
    /// The maps of a tensor `[n, c, h, w]`.
    pub fn new(tensor: Tensor<4>) -> Self {
        Self::from_raw(Dispatch::fused_maps(tensor.into_dispatch()))
    }

    /// The maps as a tensor `[n, c, h, w]`.
    pub fn into_tensor(self) -> Tensor<4> {
        Tensor::from_dispatch(Dispatch::fused_images(self.into_raw()))
    }

    pub(crate) fn from_raw(raw: Raw) -> Self {
        Self::without_statistics(Tensor::from_dispatch(raw))
    }

    /// An output of a convolution, its mean and its variance.
    pub(crate) fn with_statistics((raw, mean, var): (Raw, Raw, Raw)) -> Self {
        let statistics = Some(Box::new(Statistics::new(mean, var)));
        Self { tensor: Tensor::from_dispatch(raw), statistics }
    }

    fn without_statistics(tensor: Tensor<4>) -> Self {
        Self { tensor, statistics: None }
    }

    pub(crate) fn into_raw(self) -> Raw {
        self.tensor.into_dispatch()
    }

    fn is_channels_last(&self) -> bool {
        is_channels_last(self.tensor.device().as_dispatch())
    }

    /// Computes mean and variance of every channel, unless the maps hold them already. Returns the maps, which
    /// then hold them, and the statistics.
    pub fn measured(mut self) -> (Self, Statistics) {
        let statistics = self.statistics.unwrap_or_else(|| {
            let (mean, var) = Dispatch::fused_statistics(self.tensor.clone().into_dispatch());
            Box::new(Statistics::new(mean, var))
        });
        self.statistics = Some(statistics.clone());
        (self, *statistics)
    }

    /// The same maps as a constant on the device with automatic differentiation.
    pub fn from_inner(inner: Self) -> Self {
        Self::without_statistics(Tensor::from_inner(inner.tensor))
    }

    /// The same maps, through which no gradient flows.
    pub fn detach(self) -> Self {
        Self { tensor: self.tensor.detach(), ..self }
    }

    /// The same maps, of which a gradient is wanted.
    pub fn require_grad(self) -> Self {
        Self { tensor: self.tensor.require_grad(), ..self }
    }

    /// The sum of all numbers, `[1]`.
    /// # Examples
    ///
    /// The gradient of a sum of products is the sum of the other factors:
    ///
    /// ```
    /// # #[cfg(all(feature = "cpu", feature = "learn"))] {
    /// use burn::tensor::Device;
    /// use burn_fused_conv::{Maps, conv2d, floats};
    ///
    /// let device = Device::flex().autodiff();
    /// let x = Maps::new(floats(vec![1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2], &device));
    /// let weight = floats(vec![0.5], [1, 1, 1, 1], &device).require_grad();
    /// let gradients = conv2d(x, weight.clone(), 1).sum().backward();
    /// let of_weight = weight.grad(&gradients).expect("it requires one");
    /// assert_eq!(of_weight.into_scalar::<f32>(), 10.0);
    /// # }
    /// ```
    pub fn sum(self) -> Tensor<1> {
        self.tensor.sum()
    }

    /// `[n, c, h, w]`, whatever the order of the numbers is.
    pub fn dims(&self) -> [usize; 4] {
        let dims = self.tensor.dims();
        let [n, h, w, c] = dims;
        if self.is_channels_last() { [n, c, h, w] } else { dims }
    }

    /// Adds one number of `bias [c]` to each channel.
    pub fn add_to_channels(self, bias: Tensor<1>) -> Self {
        let [c] = bias.dims();
        let shape = if self.is_channels_last() { [1, 1, 1, c] } else { [1, c, 1, 1] };
        let statistics = self.statistics.map(|statistics| {
            let Statistics { mean, var } = *statistics;
            Box::new(Statistics { mean: mean + bias.clone().detach(), var })
        });
        Self { tensor: self.tensor + bias.reshape(shape), statistics }
    }

    /// `max(x, 0)`.
    pub fn relu(self) -> Self {
        Self::without_statistics(activation::relu(self.tensor))
    }

    /// Means over rows and columns, as maps of one pixel.
    pub fn mean(self) -> Self {
        let dims = self.tensor.dims();
        Self::without_statistics(if self.is_channels_last() {
            let [n, h, w, c] = dims;
            self.tensor.reshape([n, h * w, c]).mean_dim(1).reshape([n, 1, 1, c])
        } else {
            let [n, c, h, w] = dims;
            self.tensor.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1])
        })
    }
}

/// The sum of maps of the same shape.
impl std::ops::Add for Maps {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::without_statistics(self.tensor + other.tensor)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::{conv2d_with_statistics, floats};
    use burn::tensor::Device;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().expect("f32")
    }

    /// Two channels of two pixels, which hold their statistics.
    fn measured() -> Maps {
        let device = Device::flex();
        let x = Maps::new(floats(vec![1.0, 3.0, -2.0, 4.0], [1, 2, 1, 2], &device));
        let same = floats(vec![1.0, 0.0, 0.0, 1.0], [2, 2, 1, 1], &device);
        conv2d_with_statistics(x, same, 1)
    }

    /// Asserts the mean and the variance of each channel.
    #[track_caller]
    fn has_statistics(maps: Maps, mean: [f32; 2], var: [f32; 2]) {
        let (_, statistics) = maps.measured();
        assert_eq!(
            (values(statistics.mean), values(statistics.var)),
            (mean.to_vec(), var.to_vec())
        );
    }

    #[test]
    fn a_tensor_survives_its_maps() {
        let numbers: Vec<f32> = (0..48).map(|v| v as f32).collect();
        let maps = Maps::new(floats(numbers.clone(), [2, 3, 2, 4], &Device::flex()));
        assert_eq!(maps.dims(), [2, 3, 2, 4]);
        assert_eq!(values(maps.into_tensor()), numbers);
    }

    #[test]
    fn statistics_follow_what_is_added_to_channels() {
        has_statistics(measured(), [2.0, 1.0], [1.0, 9.0]);
        let bias = floats(vec![10.0, -1.0], [2], &Device::flex());
        let moved = measured().add_to_channels(bias);
        assert_eq!(values(moved.clone().into_tensor()), [11.0, 13.0, -3.0, 3.0]);
        has_statistics(moved, [12.0, 0.0], [1.0, 9.0]);
    }

    /// Statistics of the input would be wrong for the output of these operations.
    #[test]
    fn other_operations_leave_the_statistics_out() {
        has_statistics(measured().relu(), [2.0, 2.0], [1.0, 4.0]);
        has_statistics(measured() + measured(), [4.0, 2.0], [4.0, 36.0]);
        has_statistics(measured().mean(), [2.0, 1.0], [0.0, 0.0]);
    }
}
