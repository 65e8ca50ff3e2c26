//! Shape of a convolution.

/// Shape of a convolution with square kernels and zero padding `(kernel - 1) / 2`. Images are stored with
/// channels last, `[n, height, width, channels]`.
///
/// Every field but `n` is at least 1. The CPU kernels support `kernel` 1 or 3 and `stride` 1 or 2,
/// with any number of channels and any height and width.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images in the batch.
    pub n: usize,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Side of a kernel.
    pub kernel: usize,
    /// Distance between two outputs, in input pixels.
    pub stride: usize,
}

impl Geometry {
    /// Rows of an output image, `(height - 1) / stride + 1`.
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    /// Columns of an output image, `(width - 1) / stride + 1`.
    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    /// The geometry of the images that the gradient of the input reads and writes. Its kernel and stride are
    /// not used.
    pub(crate) fn transposed(&self) -> Self {
        let [height, width] = [self.height, self.width];
        Self { cin: self.cout, cout: self.cin, height, width, kernel: 1, stride: 1, n: self.n }
    }

    /// Elements of one input image.
    pub(crate) fn in_size(&self) -> usize {
        self.cin * self.height * self.width
    }

    /// Elements of one output image.
    pub(crate) fn out_size(&self) -> usize {
        self.cout * self.out_height() * self.out_width()
    }

    /// Zero rows and columns on each side of an image.
    pub(crate) fn pad(&self) -> usize {
        (self.kernel - 1) / 2
    }

    /// Number of taps: the positions of a kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_outputs_are_rounded_up() {
        let of = |kernel, stride, height, width| {
            let g = Geometry { n: 2, cin: 3, cout: 5, height, width, kernel, stride };
            [g.out_height(), g.out_width(), g.pad(), g.taps(), g.in_size(), g.out_size()]
        };
        assert_eq!(of(3, 1, 5, 6), [5, 6, 1, 9, 90, 150]);
        assert_eq!(of(3, 2, 5, 6), [3, 3, 1, 9, 90, 45]);
        assert_eq!(of(1, 2, 1, 2), [1, 1, 0, 1, 6, 5]);
    }
}
