//! Functions that the default bodies of [`FusedOps`] share. Feature maps are `[n, c, h, w]`.

use crate::ops::FusedOps;
use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

/// The stride and the padding `(k - 1) / 2`, for `weight [cout, cin, k, k]`.
pub fn options<T: TensorMetadata>(weight: &T, stride: usize) -> ConvOptions<2> {
    let [_, _, kernel, _] = dims(weight);
    ConvOptions::new([stride; 2], [(kernel - 1) / 2; 2], [1; 2], 1)
}

/// The dimensions of a tensor of rank 4.
pub fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 4] {
    tensor.shape().dims()
}

/// A tensor, and its mean and biased variance.
pub fn with_statistics<B: FusedOps>(
    y: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (mean, var) = B::fused_statistics(y.clone());
    (y, mean, var)
}

/// Mean over batch and space: `[n, c, h, w]` -> `[1, c, 1, 1]`.
pub fn channel_mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [n, c, h, w] = dims(&x);
    let planes = B::float_mean_dim(B::float_reshape(x, Shape::new([n, c, h * w])), 2);
    let mean = B::float_mean_dim(B::float_reshape(planes, Shape::new([n, c])), 0);
    B::float_reshape(mean, Shape::new([1, c, 1, 1]))
}

/// `[c]` -> `[1, c, 1, 1]`.
pub fn per_channel<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let c = x.shape().num_elements();
    B::float_reshape(x, Shape::new([1, c, 1, 1]))
}

/// `1 / sqrt(var + eps)`.
pub fn reciprocal_std<B: Backend>(var: FloatTensor<B>, eps: f32) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

/// A normalisation as `scale * x + shift`, with one pair of numbers for each channel.
pub fn scale_shift<B: Backend>(
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    rstd: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let scale = B::float_mul(gamma, rstd);
    let shift = B::float_sub(beta, B::float_mul(mean, scale.clone()));
    (scale, shift)
}

/// The gradient before ReLU: `gradient` where `scale * x + shift` is positive, and zero elsewhere.
pub fn relu_gradient<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let y = B::float_mul(x, per_channel::<B>(scale));
    let y = B::relu(B::float_add(y, per_channel::<B>(shift)));
    B::relu_backward(y, gradient)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::values::{into_values, tensor};
    use burn::backend::Flex;

    #[test]
    fn a_mean_is_over_images_and_pixels() {
        let x = tensor((1..=8).map(|v| v as f32).collect(), [2, 2, 1, 2]);
        let mean = channel_mean::<Flex>(x);
        assert_eq!(dims(&mean), [1, 2, 1, 1]);
        // 1, 2, 5, 6 and 3, 4, 7, 8.
        assert_eq!(into_values(mean), [3.5, 5.5]);
    }

    #[test]
    fn a_normalisation_is_a_factor_and_a_summand() {
        let [gamma, beta, mean, rstd] = [6.0, 1.0, 2.0, 0.5].map(|v| tensor(vec![v], [1]));
        // 6 (x - 2) / 2 + 1 = 3 x - 5.
        let (scale, shift) = scale_shift::<Flex>(gamma, beta, mean, rstd);
        assert_eq!((into_values(scale), into_values(shift)), (vec![3.0], vec![-5.0]));
        let rstd = reciprocal_std::<Flex>(tensor(vec![3.0], [1]), 1.0);
        assert_eq!(into_values(rstd), [0.5]);
    }

    #[test]
    fn the_gradient_is_zero_unless_the_output_is_positive() {
        let [x, dy] = [[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]].map(|v| tensor(v.to_vec(), [1, 1, 1, 3]));
        let [scale, shift] = [2.0, -4.0].map(|v| tensor(vec![v], [1]));
        assert_eq!(into_values(relu_gradient::<Flex>(x, scale, shift, dy)), [0.0, 0.0, 7.0]);
    }
}
