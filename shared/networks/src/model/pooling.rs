//! Pooling over space.

use burn::tensor::Tensor;
use burn_fused_conv::{self as kernels, Maps};

/// Maximum over 2x2 pixels: `[n, c, h, w]` -> `[n, c, h / 2, w / 2]`.
pub fn maximum(x: Maps) -> Maps {
    kernels::max_pool2d(x)
}

/// Share of each pixel in the mean of each cell, `[cells, pixels]`, along one side. Cell `i` of `s` is
/// the mean of the pixels from `floor(i p / s)` to `ceil((i + 1) p / s)`, as in PyTorch's
/// [`AdaptiveAvgPool2d`]. Cells overlap where `p` is no multiple of `s`.
///
/// [`AdaptiveAvgPool2d`]: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
pub fn shares(cells: usize, pixels: usize) -> Vec<f32> {
    let mut shares = vec![0.0; cells * pixels];
    for cell in 0..cells {
        let start = cell * pixels / cells;
        let end = ((cell + 1) * pixels).div_ceil(cells);
        let share = 1.0 / (end - start) as f32;
        shares[cell * pixels..][start..end].fill(share);
    }
    shares
}

/// Mean over space to `size` x `size` cells.
pub fn average(x: Maps, size: usize) -> Maps {
    if size == 1 {
        return x.mean();
    }
    Maps::new(cells(x.into_tensor(), [size; 2]))
}

/// Mean over space to `height` x `width` cells: `[n, c, h, w]` -> `[n, c, height, width]`. If there
/// are fewer pixels than cells, pixels are repeated, as in PyTorch.
///
/// Every cell is a weighted sum of the pixels, so the pooling is a 1x1 convolution of a tensor whose
/// channels are the pixels. The program has the kernels for that already.
pub fn cells(x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let rows = shares(height, h);
    let columns = shares(width, w);
    let mut weight = Vec::with_capacity(height * width * h * w);
    for cell in 0..height * width {
        for row in &rows[cell / width * h..][..h] {
            weight.extend(columns[cell % width * w..][..w].iter().map(|column| row * column));
        }
    }
    let weight = kernels::floats(weight, [height * width, h * w, 1, 1], &x.device());
    let pixels = Maps::new(x.reshape([n, c, h * w, 1]).swap_dims(1, 2));
    let cells = kernels::conv2d(pixels, weight, 1).into_tensor();
    cells.swap_dims(1, 2).reshape([n, c, height, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, values};
    use burn::tensor::Device;

    /// Maps of one image and one channel.
    fn maps<const H: usize, const W: usize>(rows: [[f32; W]; H]) -> Maps {
        Maps::new(Tensor::from_floats([[rows]], &Device::flex()))
    }

    #[test]
    fn the_maximum_drops_an_odd_last_row() {
        let x = maps([[1.0, 5.0], [2.0, 3.0], [9.0, 9.0]]);
        assert_eq!(values(maximum(x).into_tensor()), [5.0]);
    }

    #[test]
    fn cells_are_means_of_their_pixels() {
        let x = || maps([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]);
        close(&values(average(x(), 1).into_tensor()), &[4.0]);
        // Each cell is the mean of 2x2 pixels; neighbouring cells share pixels.
        close(&values(average(x(), 2).into_tensor()), &[2.0, 3.0, 5.0, 6.0]);
        let row = maps([[1.0, 3.0]]).into_tensor();
        close(&values(cells(row, [2, 2])), &[1.0, 3.0, 1.0, 3.0]);
    }

    #[test]
    fn cells_cover_the_pixels_as_in_pytorch() {
        assert_eq!(shares(2, 4), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
        assert_eq!(shares(2, 3), [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]);
        // With fewer pixels than cells, pixels are repeated.
        assert_eq!(shares(3, 2), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        assert_eq!(shares(3, 1), [1.0; 3]);
    }
}
