//! The operations, as functions of [`Maps`].

#[cfg(feature = "cpu")]
use crate::conv;
#[cfg(feature = "cpu")]
use crate::geometry::Geometry;
use crate::maps::{Maps, Statistics};
use crate::ops::FusedOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// 2-D convolution without bias, padding `(k - 1) / 2`.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `weight`: `[cout, cin, k, k]`
/// - output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// If the shapes do not fit, or on `Flex` if `k` is not 1 or 3, `stride` is not 1 or 2, the tensors
/// are not of f32, or a dimension other than `n` is 0.
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use burn_fused_conv::{Maps, conv2d};
///
/// // Each output counts the pixels of the image under the kernel.
/// let device = Device::flex();
/// let x = Maps::new(Tensor::ones([1, 1, 3, 3], &device));
/// let y = conv2d(x, Tensor::ones([1, 1, 3, 3], &device), 1);
/// let values = y.into_tensor().into_data().try_into_vec::<f32>().expect("f32");
/// assert_eq!(values, [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]);
/// # }
/// ```
pub fn conv2d(x: Maps, weight: Tensor<4>, stride: usize) -> Maps {
    let x = x.into_raw();
    let weight = weight.into_dispatch();
    Maps::from_raw(Dispatch::fused_conv2d(x, weight, stride))
}

/// Multiply-adds of [`conv2d`] for `x [n, cin, h, w]` and `weight [cout, cin, k, k]`: those that the kernels of this
/// crate execute, which with Winograd's algorithm are a quarter to a half of those of the definition. Without the
/// feature `cpu` those of the definition.
pub fn multiply_adds(x: [usize; 4], weight: [usize; 4], stride: usize) -> usize {
    let [n, cin, height, width] = x;
    let [cout, _, kernel, _] = weight;
    #[cfg(feature = "cpu")]
    return conv::multiply_adds(Geometry { n, cin, cout, height, width, kernel, stride });
    #[cfg(not(feature = "cpu"))]
    return n * cin * cout * kernel * kernel * height.div_ceil(stride) * width.div_ceil(stride);
}

/// `conv(x, weight) + skip` with stride 1 and padding `(k - 1) / 2`: the end of a residual block.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `weight`: `[cout, cin, k, k]`
/// - `skip` and output: `[n, cout, h, w]`
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_add(x: Maps, weight: Tensor<4>, skip: Maps) -> Maps {
    Maps::from_raw(Dispatch::fused_conv2d_add(
        x.into_raw(),
        weight.into_dispatch(),
        skip.into_raw(),
    ))
}

/// `relu(scale[c] * x + shift[c])`: batch normalisation with fixed statistics, then ReLU. `scale`
/// and `shift` are constants: they get no gradient.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`
/// - `scale`, `shift`: `[c]`
///
/// # Panics
/// If the shapes do not fit, or on `Flex` if the tensors are not of f32 or a dimension other than
/// `n` is 0.
pub fn affine_relu(x: Maps, scale: Tensor<1>, shift: Tensor<1>) -> Maps {
    Maps::from_raw(Dispatch::fused_affine_relu(
        x.into_raw(),
        scale.into_dispatch(),
        shift.into_dispatch(),
    ))
}

/// `conv(relu(scale x + shift), weight) + bias`, and ReLU after it if `relu` is true; padding `(k -
/// 1) / 2`.
///
/// With folded batch normalisations this is the first half of a pre-activation residual block.
/// `scale` and `shift` are constants: they get no gradient.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `scale`, `shift`: `[cin]`
/// - `weight`: `[cout, cin, k, k]`
/// - `bias`: `[cout]`
/// - output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// As [`conv2d`].
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::Device;
/// use burn_fused_conv::{Maps, floats, norm_conv2d};
///
/// let device = Device::flex();
/// let x = Maps::new(floats(vec![-1.0, 0.0, 1.0], [1, 1, 1, 3], &device));
/// let [scale, shift, bias] = [2.0, 1.0, -15.0].map(|v| floats(vec![v], [1], &device));
/// let weight = floats(vec![10.0], [1, 1, 1, 1], &device);
/// // relu(2 x + 1) is 0, 1, 3; ten times that minus 15 is -15, -5, 15.
/// let y = norm_conv2d(x, [scale, shift], weight, bias, 1, true);
/// let values = y.into_tensor().into_data().try_into_vec::<f32>().expect("f32");
/// assert_eq!(values, [0.0, 0.0, 15.0]);
/// # }
/// ```
pub fn norm_conv2d(
    x: Maps,
    [scale, shift]: [Tensor<1>; 2],
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    relu: bool,
) -> Maps {
    Maps::from_raw(Dispatch::fused_norm_conv2d(
        x.into_raw(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stride,
        relu,
    ))
}

/// Maximum over 2x2 pixels with stride 2; an odd last row or column is dropped.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`
/// - output: `[n, c, h / 2, w / 2]`
///
/// # Panics
/// On `Flex` if the tensor is not of f32.
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::Device;
/// use burn_fused_conv::{Maps, floats, max_pool2d};
///
/// let rows = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// let x = Maps::new(floats(rows, [1, 1, 2, 4], &Device::flex()));
/// let values = max_pool2d(x).into_tensor().into_data().try_into_vec::<f32>().expect("f32");
/// assert_eq!(values, [6.0, 8.0]);
/// # }
/// ```
pub fn max_pool2d(x: Maps) -> Maps {
    Maps::from_raw(Dispatch::fused_max_pool2d(x.into_raw()))
}

/// [`conv2d`], whose output also holds its mean and variance.
///
/// # Shapes
/// As [`conv2d`].
///
/// # Panics
/// As [`conv2d`].
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::Device;
/// use burn_fused_conv::{Maps, conv2d_with_statistics, floats};
///
/// let device = Device::flex();
/// let x = Maps::new(floats(vec![1.0, 2.0, 3.0, 4.0], [1, 1, 1, 4], &device));
/// let y = conv2d_with_statistics(x, floats(vec![2.0], [1, 1, 1, 1], &device), 1);
/// // The output is 2, 4, 6, 8.
/// let (_, statistics) = y.measured();
/// assert_eq!(statistics.mean.into_scalar::<f32>(), 5.0);
/// assert_eq!(statistics.var.into_scalar::<f32>(), 5.0);
/// # }
/// ```
pub fn conv2d_with_statistics(x: Maps, weight: Tensor<4>, stride: usize) -> Maps {
    let x = x.into_raw();
    let weight = weight.into_dispatch();
    Maps::with_statistics(Dispatch::fused_conv2d_statistics(x, weight, stride))
}

/// Batch normalisation with the statistics of the batch ([`Maps::measured`]), then ReLU:
/// `relu(gamma * (x - mean) / sqrt(var + eps) + beta)`. The gradient accounts for the statistics.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`
/// - `gamma`, `beta`: `[c]`
///
/// # Panics
/// If the shapes do not fit, or on `Flex` if the tensors are not of f32 or a dimension other than
/// `n` is 0.
pub fn batch_norm_relu(x: Maps, gamma: Tensor<1>, beta: Tensor<1>, eps: f32) -> Maps {
    let (x, Statistics { mean, var }) = x.measured();
    Maps::from_raw(Dispatch::fused_batch_norm_relu(
        x.into_raw(),
        mean.into_dispatch(),
        var.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        eps,
    ))
}

/// [`batch_norm_relu`], then [`conv2d_with_statistics`], then `+ skip` if there is one. The normalised tensor
/// is not stored.
///
/// With a `skip` the stride is 1, whatever `stride` says; the output then has `x`'s height and width.
///
/// # Shapes
/// - `x`: `[n, cin, h, w]`
/// - `gamma`, `beta`: `[cin]`
/// - `weight`: `[cout, cin, k, k]`
/// - `skip` and output: `[n, cout, (h - 1) / stride + 1, (w - 1) / stride + 1]`
///
/// # Panics
/// As [`conv2d`].
/// # Examples
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::Device;
/// use burn_fused_conv::{Maps, batch_norm_conv2d, floats};
///
/// let device = Device::flex();
/// let x = Maps::new(floats(vec![0.0, 0.0, 2.0, 2.0], [1, 1, 1, 4], &device));
/// let [gamma, beta] = [3.0, 1.0].map(|v| floats(vec![v], [1], &device));
/// let weight = floats(vec![2.0], [1, 1, 1, 1], &device);
/// // Mean and variance are 1, so 3 (x - 1) + 1 is -2, -2, 4, 4.
/// let y = batch_norm_conv2d(x.clone(), [gamma, beta], 0.0, weight, 1, Some(x));
/// let values = y.into_tensor().into_data().try_into_vec::<f32>().expect("f32");
/// assert_eq!(values, [0.0, 0.0, 10.0, 10.0]);
/// # }
/// ```
pub fn batch_norm_conv2d(
    x: Maps,
    [gamma, beta]: [Tensor<1>; 2],
    eps: f32,
    weight: Tensor<4>,
    stride: usize,
    skip: Option<Maps>,
) -> Maps {
    let (x, Statistics { mean, var }) = x.measured();
    let x = x.into_raw();
    let [mean, var, gamma, beta] = [mean, var, gamma, beta].map(Tensor::into_dispatch);
    let weight = weight.into_dispatch();
    Maps::with_statistics(match skip {
        Some(skip) => {
            let skip = skip.into_raw();
            Dispatch::fused_batch_norm_conv2d_add(x, mean, var, gamma, beta, weight, skip, eps)
        }
        None => Dispatch::fused_batch_norm_conv2d(x, mean, var, gamma, beta, weight, eps, stride),
    })
}
