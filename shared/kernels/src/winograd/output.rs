//! The transform of products to output tiles, `A^T m A`, and their epilogue.

use super::is_supported;
use super::matrices::{ELEMENTS, INPUTS, OUTPUTS, output_transform, transform_2d};
use super::tiles::Layout;
use super::tiling::Tiling;
use crate::fused::{Added, Biased, Epilogue, Plain, VectorEpilogue};
use crate::geometry::Geometry;
use crate::simd::{load, store_part};
use pulp::{Simd, WithSimd};
use std::mem::MaybeUninit;
use std::ops::Range;

/// `A^T m A` of some rows of tiles of an image, written to the image.
pub struct OutputTransform<'a> {
    /// Shape of the convolution.
    pub g: Geometry,
    /// Rows of tiles.
    pub rows: Range<usize>,
    /// The first element of the first tile, `[element][tile][pitch]`.
    pub products: &'a [f32],
    /// Layout of the products.
    pub layout: Layout,
    /// The image, `[h, w, cout]`.
    pub image: &'a mut [MaybeUninit<f32>],
    /// Applied to every pixel.
    pub epilogue: Epilogue<'a>,
    /// Index of the image's first number in the whole output, for the epilogue.
    pub index: usize,
}

impl OutputTransform<'_> {
    /// All tiles.
    ///
    /// # Safety
    /// The assertions of `with_simd` below hold.
    #[inline(always)]
    unsafe fn run<S: Simd>(&mut self, simd: S, epilogue: impl VectorEpilogue) {
        let columns = Tiling::new(self.g).columns;
        let Geometry { cout, height, width, .. } = self.g;
        for channel in (0..cout).step_by(S::F32_LANES) {
            for (i, row) in self.rows.clone().enumerate() {
                for column in 0..columns {
                    let tile = i * columns + column;
                    let [top, left] = [OUTPUTS * row, OUTPUTS * column];
                    let size = [OUTPUTS.min(height - top), OUTPUTS.min(width - left)];
                    let corner = (top * width + left) * cout + channel;
                    // SAFETY: the caller's promise.
                    unsafe {
                        if size == [OUTPUTS; 2] {
                            self.tile(simd, epilogue, tile, channel, corner, [OUTPUTS; 2]);
                        } else {
                            self.tile(simd, epilogue, tile, channel, corner, size);
                        }
                    }
                }
            }
        }
    }

    /// A vector of channels of a tile, of which `size` rows and columns lie in the image.
    ///
    /// # Safety
    /// As [`OutputTransform::run`], and the tile and its pixels exist.
    #[inline(always)]
    unsafe fn tile<S: Simd>(
        &mut self,
        simd: S,
        epilogue: impl VectorEpilogue,
        tile: usize,
        channel: usize,
        corner: usize,
        [rows, columns]: [usize; 2],
    ) {
        let Layout { pitch, element } = self.layout;
        let Geometry { cout, width, .. } = self.g;
        let count = cout - channel;
        let to = self.image.as_mut_ptr().cast::<f32>();
        // SAFETY: the caller promises that the tile and its pixels exist.
        let from = unsafe { self.products.as_ptr().add(tile * pitch + channel) };
        // SAFETY: the assertions say that the epilogue covers the output.
        let epilogue = unsafe { epilogue.of(simd, channel) };
        transform_2d::<S, INPUTS, OUTPUTS>(
            simd,
            #[inline(always)]
            |x| output_transform(simd, x),
            #[inline(always)]
            // SAFETY: as above.
            |i, j| unsafe { load::<S>(from.add((INPUTS * i + j) * element)) },
            #[inline(always)]
            |i, j, value| {
                if i < rows && j < columns {
                    let at = corner + (i * width + j) * cout;
                    let value = epilogue(self.index + at, count, value);
                    // SAFETY: as above, and `count` channels are left in the pixel.
                    unsafe { store_part::<S>(to.add(at), count, value) };
                }
            },
        );
    }
}

impl WithSimd for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let tiling = Tiling::new(self.g);
        let tiles = self.rows.len() * tiling.columns;
        assert!(self.rows.end <= tiling.rows && is_supported(self.g));
        let Layout { pitch, element } = self.layout;
        let Geometry { cout, .. } = self.g;
        let size = self.g.out_size();
        assert!(pitch.is_multiple_of(S::F32_LANES) && cout <= pitch);
        assert!(self.products.len() >= (ELEMENTS - 1) * element + tiles * pitch);
        assert!(self.image.len() >= size && self.epilogue.covers(self.index + size, cout));
        // SAFETY: the assertions above.
        unsafe {
            match self.epilogue {
                Epilogue::None => self.run(simd, Plain),
                Epilogue::Bias { bias, relu } => self.run(simd, Biased { bias, relu }),
                Epilogue::Skip(skip) => self.run(simd, Added(skip)),
            }
        }
    }
}
