//! What the kernels compute, as operations of a backend; the bodies are Burn's own operations.
#![expect(
    clippy::too_many_arguments,
    reason = "the extension macro knows tensors and numbers only"
)]

#[cfg(doc)]
use super::*;
use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};
use burn::tensor::Shape;

/// Stride, and the padding that keeps the size at stride 1, for `weight [cout, cin, k, k]`.
fn options<T: TensorMetadata>(weight: &T, stride: usize) -> ConvOptions<2> {
    let [_, _, kernel, _] = dims(weight);
    ConvOptions::new([stride; 2], [(kernel - 1) / 2; 2], [1; 2], 1)
}

/// Backend operations behind the functions of this module; shapes as there.
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "wgpu"), Autodiff: cfg(feature = "learn"))]
pub trait KernelOps: Backend {
    /// See [`conv2d`].
    fn unstamp_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d(x, weight, None, options)
    }

    /// Gradient of [`conv2d`] with respect to `x`.
    fn unstamp_conv2d_x(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d_x_backward(x, weight, gradient, options)
    }

    /// Gradient of [`conv2d`] with respect to `weight`.
    fn unstamp_conv2d_weight(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d_weight_backward(x, weight, gradient, options)
    }

    /// See [`batch_norm_relu`]; also returns the batch's mean and biased variance.
    fn unstamp_batch_norm_relu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [_, channels, _, _] = dims(&x);
        let mean = channel_mean::<Self>(x.clone());
        let centred = Self::float_sub(x.clone(), mean.clone());
        let var = channel_mean::<Self>(Self::float_mul(centred.clone(), centred));
        let shape = Shape::new([channels]);
        let mean = Self::float_reshape(mean, shape.clone());
        let var = Self::float_reshape(var, shape);
        let (scale, shift) = scale_shift::<Self>(
            gamma,
            beta,
            mean.clone(),
            reciprocal_std::<Self>(var.clone(), eps),
        );
        (Self::unstamp_affine_relu(x, scale, shift), mean, var)
    }

    /// Gradients of [`batch_norm_relu`] with respect to `x`, `gamma` and `beta`.
    fn unstamp_batch_norm_relu_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        rstd: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [n, channels, height, width] = dims(&x);
        let m = 1.0 / (n * height * width) as f32;
        let (scale, shift) = scale_shift::<Self>(gamma, beta, mean.clone(), rstd.clone());
        let g = through_relu::<Self>(x.clone(), scale.clone(), shift, gradient);
        let h = Self::float_mul(
            Self::float_sub(x, along_channels::<Self>(mean)),
            along_channels::<Self>(rstd),
        );
        let flat = |t| Self::float_reshape(channel_mean::<Self>(t), Shape::new([channels]));
        let mean_g = flat(g.clone());
        let mean_gh = flat(Self::float_mul(g.clone(), h.clone()));
        let dx = Self::float_sub(
            Self::float_sub(g, along_channels::<Self>(mean_g.clone())),
            Self::float_mul(h, along_channels::<Self>(mean_gh.clone())),
        );
        let dx = Self::float_mul(dx, along_channels::<Self>(scale));
        let total = |t| Self::float_mul_scalar(t, (1.0 / m).into());
        (dx, total(mean_gh), total(mean_g))
    }

    /// See [`batch_norm_conv2d`]; also returns the batch's mean and biased variance.
    fn unstamp_batch_norm_conv2d(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (y, mean, var) = Self::unstamp_batch_norm_relu(x, gamma, beta, eps);
        (Self::unstamp_conv2d(y, weight, stride), mean, var)
    }

    /// The same with stride 1, plus `skip`.
    fn unstamp_batch_norm_conv2d_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (y, mean, var) = Self::unstamp_batch_norm_relu(x, gamma, beta, eps);
        (Self::unstamp_conv2d_add(y, weight, skip), mean, var)
    }

    /// Gradients of both with respect to `x`, `gamma`, `beta` and `weight`.
    fn unstamp_batch_norm_conv2d_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        rstd: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (scale, shift) =
            scale_shift::<Self>(gamma.clone(), beta.clone(), mean.clone(), rstd.clone());
        let y = Self::unstamp_affine_relu(x.clone(), scale, shift);
        let dw = Self::unstamp_conv2d_weight(y.clone(), weight.clone(), gradient.clone(), stride);
        let dy = Self::unstamp_conv2d_x(y, weight, gradient, stride);
        let (dx, dgamma, dbeta) =
            Self::unstamp_batch_norm_relu_backward(x, dy, gamma, beta, mean, rstd);
        (dx, dgamma, dbeta, dw)
    }

    /// See [`affine_relu`].
    fn unstamp_affine_relu(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let y = Self::float_mul(x, along_channels::<Self>(scale));
        Self::relu(Self::float_add(y, along_channels::<Self>(shift)))
    }

    /// See [`norm_conv2d`].
    fn unstamp_norm_conv2d(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        relu: bool,
    ) -> FloatTensor<Self> {
        let x = Self::unstamp_affine_relu(x, scale, shift);
        let y = Self::unstamp_conv2d(x, weight, stride);
        let y = Self::float_add(y, along_channels::<Self>(bias));
        if relu { Self::relu(y) } else { y }
    }

    /// See [`conv2d_add`].
    fn unstamp_conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::float_add(Self::unstamp_conv2d(x, weight, 1), skip)
    }
}

#[cfg(feature = "wgpu")]
impl KernelOps for burn::backend::Wgpu {}

pub(super) fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 4] {
    tensor.shape().dims()
}

/// Mean over batch and space: `[n, c, h, w]` -> `[1, c, 1, 1]`.
fn channel_mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [n, c, h, w] = dims(&x);
    let planes = B::float_mean_dim(B::float_reshape(x, Shape::new([n, c, h * w])), 2);
    let mean = B::float_mean_dim(B::float_reshape(planes, Shape::new([n, c])), 0);
    B::float_reshape(mean, Shape::new([1, c, 1, 1]))
}

/// `[c]` -> `[1, c, 1, 1]`.
pub(super) fn along_channels<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let c = x.shape().num_elements();
    B::float_reshape(x, Shape::new([1, c, 1, 1]))
}

/// `1 / sqrt(var + eps)`.
pub(super) fn reciprocal_std<B: Backend>(var: FloatTensor<B>, eps: f32) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

/// Normalisation written as `scale * x + shift`, one pair a channel.
pub(super) fn scale_shift<B: Backend>(
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    rstd: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let scale = B::float_mul(gamma, rstd);
    let shift = B::float_sub(beta, B::float_mul(mean, scale.clone()));
    (scale, shift)
}

/// `gradient` where `scale * x + shift` is positive, zero elsewhere.
pub(super) fn through_relu<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let y = B::float_mul(x, along_channels::<B>(scale));
    let y = B::relu(B::float_add(y, along_channels::<B>(shift)));
    B::relu_backward(y, gradient)
}
