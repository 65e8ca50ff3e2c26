//! The operations of this crate as a Burn backend extension.
//!
//! The default bodies compose Burn's own operations. They run on GPU backends and are what the CPU
//! kernels are tested against. Shapes are those of the functions in the crate root; call those
//! functions unless you write code that is generic over a backend.
#![expect(
    clippy::too_many_arguments,
    reason = "the extension macro accepts only tensors and numbers"
)]

#[cfg(doc)]
use super::{
    affine_relu, batch_norm_conv2d, batch_norm_relu, conv2d, conv2d_add, max_pool2d, norm_conv2d,
};
use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};
use burn::tensor::{IntDType, Shape};

/// The stride and the padding `(k - 1) / 2`, for `weight [cout, cin, k, k]`.
fn options<T: TensorMetadata>(weight: &T, stride: usize) -> ConvOptions<2> {
    let [_, _, kernel, _] = dims(weight);
    ConvOptions::new([stride; 2], [(kernel - 1) / 2; 2], [1; 2], 1)
}

/// The backend operations behind the functions of this crate.
///
/// To run them on another backend, list it in the macro below and write `impl FusedOps for
/// TheBackend {}`.
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "wgpu"), Autodiff: cfg(feature = "learn"))]
pub trait FusedOps: Backend {
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

    /// See [`batch_norm_relu`]. Returns the output, and the mean and biased variance of the batch.
    fn fused_batch_norm_relu(
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
        (Self::fused_affine_relu(x, scale, shift), mean, var)
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

    /// See [`batch_norm_conv2d`]. Returns the output, and the mean and biased variance of the
    /// batch.
    fn fused_batch_norm_conv2d(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        stride: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (y, mean, var) = Self::fused_batch_norm_relu(x, gamma, beta, eps);
        (Self::fused_conv2d(y, weight, stride), mean, var)
    }

    /// [`batch_norm_conv2d`] with stride 1, plus `skip`.
    fn fused_batch_norm_conv2d_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (y, mean, var) = Self::fused_batch_norm_relu(x, gamma, beta, eps);
        (Self::fused_conv2d_add(y, weight, skip), mean, var)
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
        let y = Self::float_add(y, per_channel::<Self>(bias));
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
        let [size, padding, dilation] = [[2; 2], [0; 2], [1; 2]];
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

/// The dimensions of a tensor of rank 4.
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
pub(super) fn per_channel<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let c = x.shape().num_elements();
    B::float_reshape(x, Shape::new([1, c, 1, 1]))
}

/// `1 / sqrt(var + eps)`.
pub(super) fn reciprocal_std<B: Backend>(var: FloatTensor<B>, eps: f32) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

/// A normalisation as `scale * x + shift`, with one pair of numbers for each channel.
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

/// The gradient before ReLU: `gradient` where `scale * x + shift` is positive, and zero elsewhere.
pub(super) fn relu_gradient<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let y = B::float_mul(x, per_channel::<B>(scale));
    let y = B::relu(B::float_add(y, per_channel::<B>(shift)));
    B::relu_backward(y, gradient)
}
