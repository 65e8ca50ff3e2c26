//! Convolutions as sums of products. In an image with channels last, the pixels under a row of a kernel are
//! neighbours in memory. The sum over them and their channels is one product of matrices
//! ([`Product`](crate::product::Product)), so no im2col matrix is built.

mod forward;
mod input_gradient;
mod kernel_gradient;
mod write;

pub use self::forward::Forward;
pub use self::input_gradient::InputGradient;
pub use self::kernel_gradient::KernelGradient;

use crate::border::CopyRows;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::simd::{SLACK, dispatch};
use pulp::Arch;
use std::ops::Range;

/// Rows and columns of an input image with its border.
fn bordered(g: Geometry) -> [usize; 2] {
    [g.height + 2 * g.pad(), g.width + 2 * g.pad()]
}

/// Output pixels that are best computed together: fewer would not use the weights often enough while they are in
/// the cache.
const PIXELS: usize = 128;

/// Numbers of weights that stay in the second-level cache.
const CACHED: usize = 1 << 18;

/// Images that are computed together.
fn together(g: Geometry) -> usize {
    PIXELS.div_ceil(g.out_height() * g.out_width())
}

/// Space for the images that are computed together, with their borders.
fn border_buffer(g: Geometry) -> Vec<f32> {
    let [rows, columns] = bordered(g);
    vec![0.0; together(g) * rows * columns * g.cin + SLACK]
}

/// Copies images after the prologue, with their borders: `[image][rows][columns][cin]`.
fn copy_images(
    g: Geometry,
    images: Range<usize>,
    x: &[f32],
    prologue: Option<InputAffine>,
    to: &mut [f32],
) {
    let [rows, columns] = bordered(g);
    for (n, to) in images.zip(to.chunks_exact_mut(rows * columns * g.cin)) {
        let copy = CopyRows {
            image: &x[n * g.in_size()..][..g.in_size()],
            width: g.width,
            channels: g.cin,
            from: 0..g.height,
            prologue,
            to,
            top: g.pad(),
            left: g.pad(),
            rows,
            columns,
            pitch: g.cin,
        };
        dispatch(Arch::new(), copy);
    }
}

/// Where the pixels under each row of the output begin, for some images with their borders.
fn row_starts(g: Geometry, images: usize) -> Vec<usize> {
    let [rows, columns] = bordered(g);
    let start = |row: usize| {
        let (image, y) = (row / g.out_height(), row % g.out_height());
        (image * rows + y * g.stride) * columns * g.cin
    };
    (0..images * g.out_height()).map(start).collect()
}

/// Weights as the right factor of a product, `[terms][pitch]`, zero past the last column. `weight(c, k)` is the
/// weight of column `c < columns` and term `k < terms`; a column is a channel of the result.
///
/// Always inlined: as a call, it took 19 % of the time of a prediction of one image, and 9 % inlined.
#[inline(always)]
fn pack(
    columns: usize,
    terms: usize,
    pitch: usize,
    weight: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = vec![0.0; terms * pitch];
    for (k, values) in packed.chunks_exact_mut(pitch).enumerate() {
        for (c, value) in values[..columns].iter_mut().enumerate() {
            *value = weight(c, k);
        }
    }
    packed
}
