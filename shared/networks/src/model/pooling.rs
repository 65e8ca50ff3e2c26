//! Pooling over space.

use burn::tensor::Tensor;
use burn::tensor::module::{adaptive_avg_pool2d, max_pool2d};
use burn::tensor::ops::MaxPoolOptions;

/// Maximum over 2x2 pixels: `[n, c, h, w]` -> `[n, c, h / 2, w / 2]`.
pub fn maximum(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]))
}

/// Mean over space to `size` x `size` cells: `[n, c, h, w]` -> `[n, c, size, size]`. If there are
/// fewer pixels than cells, pixels are repeated, as in PyTorch.
pub fn average(x: Tensor<4>, size: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    if size == 1 {
        return x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1]);
    }
    adaptive_avg_pool2d(x, [size, size])
}
