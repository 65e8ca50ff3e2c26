//! Images of a batch with a border of zeros.

use crate::border::CopyRows;
use crate::buffer::Buffer;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::simd::dispatch;
use pulp::Arch;
use std::ops::Range;

/// Images with a border of zeros, `[image][rows][columns][pitch]`.
#[derive(Clone, Copy)]
pub struct Bordered {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Zero rows and columns before and after an image.
    pub border: [usize; 2],
    /// Numbers of a pixel: the channels, or the channels rounded up to whole vectors.
    pub pitch: usize,
}

impl Bordered {
    /// The inputs of a convolution.
    pub fn inputs(g: Geometry) -> Self {
        let Geometry { height, width, cin: channels, .. } = g;
        Self { height, width, channels, border: [g.pad(); 2], pitch: channels }
    }

    /// The gradients of the outputs of a convolution.
    pub fn gradients(g: Geometry, border: [usize; 2], pitch: usize) -> Self {
        let [height, width] = [g.out_height(), g.out_width()];
        Self { height, width, channels: g.cout, border, pitch }
    }

    /// Rows of an image with its border.
    fn rows(&self) -> usize {
        self.height + self.border[0] + self.border[1]
    }

    /// Numbers of a row with its border.
    pub fn row(&self) -> usize {
        (self.width + self.border[0] + self.border[1]) * self.pitch
    }

    /// Numbers of an image with its border.
    pub fn size(&self) -> usize {
        self.rows() * self.row()
    }

    /// Space for so many images.
    pub fn buffer(&self, images: usize) -> Buffer {
        Buffer::new(images * self.size())
    }

    /// Copies images of the batch `x` after the prologue.
    pub fn copy(
        &self,
        images: Range<usize>,
        x: &[f32],
        prologue: Option<InputAffine>,
        to: &mut [f32],
    ) {
        let Self { height, width, channels, border: [before, _], pitch } = *self;
        let size = height * width * channels;
        for (n, to) in images.zip(to.chunks_exact_mut(self.size())) {
            let copy = CopyRows {
                image: &x[n * size..][..size],
                width,
                channels,
                from: 0..height,
                prologue,
                to,
                top: before,
                left: before,
                rows: self.rows(),
                columns: self.row() / pitch,
                pitch,
            };
            dispatch(Arch::new(), copy);
        }
    }

    /// Where row `y stride` of each image begins, for every `y < rows`.
    pub fn row_starts(&self, images: usize, rows: usize, stride: usize) -> Vec<usize> {
        let start = |image: usize, y: usize| image * self.size() + y * stride * self.row();
        (0..images).flat_map(|image| (0..rows).map(move |y| start(image, y))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of 2x3 pixels and 2 channels have rows of 5 pixels with their border, and 4 rows.
    #[test]
    fn rows_begin_after_the_images_and_rows_before() {
        let g = Geometry { n: 2, cin: 2, cout: 1, height: 2, width: 3, kernel: 3, stride: 1 };
        let images = Bordered::inputs(g);
        assert_eq!((images.row(), images.size()), (10, 40));
        assert_eq!(images.row_starts(2, 2, 1), [0, 10, 40, 50]);
        assert_eq!(images.row_starts(2, 1, 2), [0, 40]);
        assert_eq!(images.row_starts(1, 2, 2), [0, 20]);
    }

    #[test]
    fn images_are_copied_into_their_borders() {
        let images = Bordered { height: 1, width: 2, channels: 1, border: [0, 1], pitch: 1 };
        let mut to = images.buffer(2);
        images.copy(1..3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], None, &mut to);
        assert_eq!(to[..], [3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
