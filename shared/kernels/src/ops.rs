//! The operations of this crate as a Burn backend extension.
//!
//! The default bodies compose Burn's own operations. They run on GPU backends and are what the CPU
//! kernels are tested against. Feature maps of `n` images are `[n, c, h, w]` in the default bodies; on the CPU
//! they are `[n, h, w, c]`, and `fused_maps` and `fused_images` convert. Call the functions in the crate root
//! unless you write code that is generic over a backend.
#![expect(
    clippy::too_many_arguments,
    reason = "the extension macro accepts only tensors and numbers"
)]

#[cfg(doc)]
use super::{
    affine_relu, batch_norm_conv2d, batch_norm_relu, conv2d, conv2d_add, conv2d_with_statistics,
    max_pool2d, norm_conv2d,
};
use crate::defaults::{
    channel_mean, dims, options, per_channel, reciprocal_std, relu_gradient, scale_shift,
    with_statistics,
};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::{IntDType, Shape};

/// The backend operations behind the functions of this crate.
///
/// To run them on another backend, list it in the macro below and write `impl FusedOps for
/// TheBackend {}`.
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::backend::{Dispatch, tensor::FloatTensor};
/// use burn::tensor::{Device, Tensor};
/// use burn_fused_conv::{floats, ops::FusedOps};
///
/// fn pooled<B: FusedOps>(images: FloatTensor<B>) -> FloatTensor<B> {
///     B::fused_images(B::fused_max_pool2d(B::fused_maps(images)))
/// }
///
/// let images = floats(vec![1.0, 4.0, 2.0, 3.0], [1, 1, 2, 2], &Device::flex());
/// let pooled = Tensor::<4>::from_dispatch(pooled::<Dispatch>(images.into_dispatch()));
/// assert_eq!(pooled.into_scalar::<f32>(), 4.0);
/// # }
/// ```
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "wgpu"), Autodiff: cfg(feature = "learn"))]
pub trait FusedOps: Backend {
    /// See [`Maps::new`](super::Maps::new).
    fn fused_maps(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        tensor
    }

    /// See [`Maps::into_tensor`](super::Maps::into_tensor).
    fn fused_images(maps: FloatTensor<Self>) -> FloatTensor<Self> {
        maps
    }

    /// See [`conv2d`].
    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d(x, weight, None, options)
    }

    /// Gradient of [`conv2d`] with respect to `x`.
    fn fused_conv2d_input_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d_x_backward(x, weight, gradient, options)
    }

    /// Gradient of [`conv2d`] with respect to `weight`.
    fn fused_conv2d_weight_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weight, stride);
        Self::conv2d_weight_backward(x, weight, gradient, options)
    }

    /// See [`conv2d_with_statistics`]. Returns the output, and its mean and biased variance.
    fn fused_conv2d_statistics(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        with_statistics::<Self>(Self::fused_conv2d(x, weight, stride))
    }

    /// Mean and biased variance of every channel, `[c]`.
    fn fused_statistics(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [_, channels, _, _] = dims(&x);
        let mean = channel_mean::<Self>(x.clone());
        let centred = Self::float_sub(x, mean.clone());
        let var = channel_mean::<Self>(Self::float_mul(centred.clone(), centred));
        let shape = Shape::new([channels]);
        (Self::float_reshape(mean, shape.clone()), Self::float_reshape(var, shape))
    }

    /// See [`batch_norm_relu`]. `mean` and `var` are the statistics of `x`.
    fn fused_batch_norm_relu(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let rstd = reciprocal_std::<Self>(var, eps);
        let (scale, shift) = scale_shift::<Self>(gamma, beta, mean, rstd);
        Self::fused_affine_relu(x, scale, shift)
    }

    /// Gradients of [`batch_norm_relu`] with respect to `x`, `gamma` and `beta`. `rstd` is
    /// `1 / sqrt(var + eps)`.
    fn fused_batch_norm_relu_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        rstd: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [n, channels, height, width] = dims(&x);
        let count = (n * height * width) as f32;
        let (scale, shift) = scale_shift::<Self>(gamma, beta, mean.clone(), rstd.clone());
        let g = relu_gradient::<Self>(x.clone(), scale.clone(), shift, gradient);
        let h = Self::float_mul(
            Self::float_sub(x, per_channel::<Self>(mean)),
            per_channel::<Self>(rstd),
        );
        let mean_g = channel_mean::<Self>(g.clone());
        let mean_gh = channel_mean::<Self>(Self::float_mul(g.clone(), h.clone()));
        let dx = Self::float_sub(
            Self::float_sub(g, mean_g.clone()),
            Self::float_mul(h, mean_gh.clone()),
        );
        let dx = Self::float_mul(dx, per_channel::<Self>(scale));
        let total = |mean| {
            let mean = Self::float_reshape(mean, Shape::new([channels]));
            Self::float_mul_scalar(mean, count.into())
        };
        (dx, total(mean_gh), total(mean_g))
    }

    /// See [`batch_norm_conv2d`]. `mean` and `var` are the statistics of `x`. Returns the output, and its mean and
    /// biased variance.
    fn fused_batch_norm_conv2d(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let y = Self::fused_batch_norm_relu(x, mean, var, gamma, beta, eps);
        with_statistics::<Self>(Self::fused_conv2d(y, weight, stride))
    }

    /// [`batch_norm_conv2d`] with stride 1, plus `skip`.
    fn fused_batch_norm_conv2d_add(
        x: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let y = Self::fused_batch_norm_relu(x, mean, var, gamma, beta, eps);
        with_statistics::<Self>(Self::fused_conv2d_add(y, weight, skip))
    }

    /// Gradients of [`batch_norm_conv2d`] with respect to `x`, `gamma`, `beta` and `weight`. The
    /// gradient of `skip` is `gradient` itself.
    fn fused_batch_norm_conv2d_backward(
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
        let y = Self::fused_affine_relu(x.clone(), scale, shift);
        let dw =
            Self::fused_conv2d_weight_gradient(y.clone(), weight.clone(), gradient.clone(), stride);
        let dy = Self::fused_conv2d_input_gradient(y, weight, gradient, stride);
        let (dx, dgamma, dbeta) =
            Self::fused_batch_norm_relu_backward(x, dy, gamma, beta, mean, rstd);
        (dx, dgamma, dbeta, dw)
    }

    /// See [`affine_relu`].
    fn fused_affine_relu(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let y = Self::float_mul(x, per_channel::<Self>(scale));
        Self::relu(Self::float_add(y, per_channel::<Self>(shift)))
    }

    /// Gradient of [`affine_relu`] with respect to `x`.
    fn fused_affine_relu_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let dy = relu_gradient::<Self>(x, scale.clone(), shift, gradient);
        Self::float_mul(dy, per_channel::<Self>(scale))
    }

    /// See [`norm_conv2d`].
    fn fused_norm_conv2d(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        relu: bool,
    ) -> FloatTensor<Self> {
        let x = Self::fused_affine_relu(x, scale, shift);
        let y = Self::fused_conv2d(x, weight, stride);
        // In the order of the maps, also where this is the body of `Autodiff` of a backend with channels last.
        let y = Self::float_add(y, Self::fused_maps(per_channel::<Self>(bias)));
        if relu { Self::relu(y) } else { y }
    }

    /// See [`conv2d_add`].
    fn fused_conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::float_add(Self::fused_conv2d(x, weight, 1), skip)
    }

    /// See [`max_pool2d`].
    fn fused_max_pool2d(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::max_pool2d(x, [2; 2], [2; 2], [0; 2], [1; 2], false)
    }

    /// Gradient of [`max_pool2d`] with respect to `x`.
    fn fused_max_pool2d_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let size = [2; 2];
        let padding = [0; 2];
        let dilation = [1; 2];
        let indices = IntDType::I32;
        let pooled =
            Self::max_pool2d_with_indices(x.clone(), size, size, padding, dilation, false, indices);
        let indices = pooled.indices;
        Self::max_pool2d_with_indices_backward(
            x, size, size, padding, dilation, false, gradient, indices,
        )
        .x_grad
    }
}

#[cfg(feature = "wgpu")]
impl FusedOps for burn::backend::Wgpu {}
