//! The operations a WideResNet spends its time in, as a Burn backend extension.
//!
//! [`conv2d`], [`batch_norm_relu`] and [`affine_relu`] run on own kernels on the CPU (`Flex`) and
//! on Burn's own operations everywhere else; the default bodies below are those operations, and
//! the oracle the kernels are tested against. Derivatives are in `autodiff`.
#![allow(unsafe_code)] // the SIMD loops check their bounds once, before the loop

#[cfg(feature = "learn")]
mod autodiff;
#[cfg(feature = "cpu")]
mod conv;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod fused;
#[cfg(feature = "cpu")]
mod norm;
#[cfg(feature = "cpu")]
mod par;
#[cfg(feature = "cpu")]
mod planes;
#[cfg(feature = "cpu")]
mod simd;
#[cfg(feature = "cpu")]
mod tiles;
#[cfg(feature = "cpu")]
pub mod winograd;

#[cfg(feature = "cpu")]
pub use self::{fused::Fused, planes::Geometry};
use burn::backend::ops::{ConvOptions, FloatTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Device, Shape, Tensor, TensorData};

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

fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 4] {
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
fn along_channels<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let c = x.shape().num_elements();
    B::float_reshape(x, Shape::new([1, c, 1, 1]))
}

/// `1 / sqrt(var + eps)`.
fn reciprocal_std<B: Backend>(var: FloatTensor<B>, eps: f32) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

/// Normalisation written as `scale * x + shift`, one pair a channel.
fn scale_shift<B: Backend>(
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
fn through_relu<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let y = B::float_mul(x, along_channels::<B>(scale));
    let y = B::relu(B::float_add(y, along_channels::<B>(shift)));
    B::relu_backward(y, gradient)
}

/// A tensor of these values, row by row. Burn's own way in converts between all number formats
/// first, which was an eighth of the page's program.
pub fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_dispatch(Dispatch::float_from_data(data, device.as_dispatch()))
}

/// 2-D convolution without bias, padding `(k - 1) / 2`: `x [n, cin, h, w]`, `weight [cout, cin, k, k]`
/// with `k` 1 or 3 and `stride` 1 or 2 -> `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::unstamp_conv2d(x, weight, stride))
}

/// What [`batch_norm_relu`] gives.
pub struct Normalised {
    /// `relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, `[n, c, h, w]`.
    pub output: Tensor<4>,
    /// Mean over batch and space, `[c]`.
    pub mean: Tensor<1>,
    /// Biased variance, `[c]`.
    pub var: Tensor<1>,
}

/// Batch normalisation with the batch's own statistics, then ReLU. The statistics carry no
/// gradient of their own (the output's gradient accounts for them).
pub fn batch_norm_relu(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, eps: f32) -> Normalised {
    let (output, mean, var) = Dispatch::unstamp_batch_norm_relu(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        eps,
    );
    Normalised {
        output: Tensor::from_dispatch(output),
        mean: Tensor::<1>::from_dispatch(mean).detach(),
        var: Tensor::<1>::from_dispatch(var).detach(),
    }
}

/// `relu(scale[c] * x + shift[c])`: batch normalisation with fixed statistics, then ReLU.
pub fn affine_relu(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_affine_relu(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
    ))
}

/// First half of a frozen block: `conv(relu(scale x + shift), weight) + bias`, then ReLU where
/// `relu` says so; padding `(k - 1) / 2`.
pub fn norm_conv2d(
    x: Tensor<4>,
    [scale, shift]: [Tensor<1>; 2],
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    relu: bool,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_norm_conv2d(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stride,
        relu,
    ))
}

/// Second half of a block: `conv(x, weight) + skip`, stride 1, padding `(k - 1) / 2`.
pub fn conv2d_add(x: Tensor<4>, weight: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::unstamp_conv2d_add(
        x.into_dispatch(),
        weight.into_dispatch(),
        skip.into_dispatch(),
    ))
}
