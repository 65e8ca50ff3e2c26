//! Convolutions with 3x3 kernels and stride 1 by Winograd's minimal filtering F(4x4, 3x3), after
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015),
//! <https://arxiv.org/abs/1509.09308>.
//!
//! A **tile** is 4x4 outputs, computed from 6x6 inputs `d`; the tiles of an image do not overlap in
//! their outputs, and the last row and column of tiles may reach past the image. With a kernel `g`,
//!
//! ```text
//! Y = A^T [(G g G^T) * (B^T d B)] A
//! ```
//!
//! where `*` multiplies element by element. Summed over input channels, the 36 elements of the
//! transformed tiles become 36 matrix products. A tile costs 36 multiplications for each pair of
//! channels instead of the 144 of the definition. The matrices are in `matrices.rs`.
//!
//! The input gradient is the same convolution of the output's gradient, with the kernels rotated by
//! 180 degrees. The weight gradient is `G^T [sum over tiles (A y A^T) * (B^T d B)] G` for the tiles
//! `y` of the output's gradient.
//!
//! `is_faster` and `is_faster_for_kernels` decide which algorithm is taken. Rounding errors are about twice
//! those of direct sums: see `matrices.rs`.

mod convolution;
mod gradient;
mod matrices;
mod output;
mod tiles;
mod tiling;
mod weights;

pub use self::convolution::Convolution;
pub use self::gradient::KernelGradient;

use self::tiling::Tiling;
use crate::conv::CACHED;
use crate::geometry::Geometry;
use crate::simd::padded;

/// With fewer tiles in a batch, transforming the kernels costs more than the products save.
const MIN_TILES: usize = 16;

/// With fewer channels, transforming the tiles costs more than the products save.
const MIN_CHANNELS: usize = 8;

/// Fewest tiles of a piece of work whose transformed kernels do not stay in the cache: they are read from memory for
/// every piece.
const MANY_TILES: usize = 64;

/// Fewest tiles of a batch for which kernels that do not stay in the cache are transformed.
const MANY_BATCH_TILES: usize = 256;

/// Fewest pixels of a batch for which the gradient of kernels that do not stay in the cache is faster this way.
const MANY_PIXELS: usize = 1 << 13;

/// Whether the transformed kernels stay in the cache.
fn kernels_are_cached(g: Geometry) -> bool {
    matrices::ELEMENTS * padded(g.cin) * padded(g.cout) <= CACHED
}

/// Whether this algorithm computes the shape, and faster than sums of products do. Always false without
/// the crate feature `winograd`.
pub(crate) fn is_faster(g: Geometry) -> bool {
    if !cfg!(feature = "winograd") || !is_supported(g) {
        return false;
    }
    let tiles = Tiling::new(g).tiles();
    // A tile takes 36 products where 9 for each of its pixels in the image are the alternative.
    let saves_half = 2 * matrices::ELEMENTS * tiles <= 9 * g.height * g.width;
    let enough = if kernels_are_cached(g) { MIN_TILES } else { MANY_BATCH_TILES };
    saves_half && g.n * tiles >= enough && g.cin.min(g.cout) >= MIN_CHANNELS
}

/// [`is_faster`] for the gradient of the kernels.
pub(crate) fn is_faster_for_kernels(g: Geometry) -> bool {
    is_faster(g) && (kernels_are_cached(g) || g.n * g.height * g.width >= MANY_PIXELS)
}

/// Products of an image for a pair of channels.
pub(crate) fn products(g: Geometry) -> usize {
    matrices::ELEMENTS * Tiling::new(g).tiles()
}

/// Whether this algorithm can compute the shape: kernel 3, stride 1.
fn is_supported(g: Geometry) -> bool {
    g.kernel == 3 && g.stride == 1
}

#[cfg(all(test, feature = "winograd"))]
mod tests {
    use super::*;

    /// An image of 64 tiles.
    const SHAPE: Geometry =
        Geometry { n: 1, cin: 16, cout: 16, height: 32, width: 32, kernel: 3, stride: 1 };

    #[test]
    fn only_shapes_that_gain_take_this_algorithm() {
        assert!(is_faster(SHAPE));
        assert!(!is_faster(Geometry { kernel: 1, ..SHAPE }));
        assert!(!is_faster(Geometry { stride: 2, ..SHAPE }));
        assert!(
            is_faster(Geometry { cin: 8, ..SHAPE }) && !is_faster(Geometry { cin: 7, ..SHAPE })
        );
        assert!(!is_faster(Geometry { cout: 7, ..SHAPE }));
        // An image of 4x4 pixels is one tile, and one of 5x5 pixels takes four.
        let small = Geometry { height: 4, width: 4, ..SHAPE };
        assert!(is_faster(Geometry { n: 16, ..small }) && !is_faster(Geometry { n: 15, ..small }));
        assert!(!is_faster(Geometry { n: 16, height: 5, width: 5, ..SHAPE }));
    }

    /// The transformed kernels of 96 channels, 36 * 96 * 96 numbers, do not stay in the cache.
    #[test]
    fn many_channels_need_more_tiles() {
        let many = |n| Geometry { n, cin: 96, cout: 96, ..SHAPE };
        assert!(is_faster(many(4)) && !is_faster(many(3)));
        assert!(is_faster_for_kernels(many(8)) && !is_faster_for_kernels(many(7)));
        assert!(is_faster_for_kernels(SHAPE));
    }

    #[test]
    fn a_tile_takes_36_products() {
        assert_eq!(products(SHAPE), 36 * 64);
        assert_eq!(products(Geometry { height: 5, width: 9, ..SHAPE }), 36 * 2 * 3);
    }
}
