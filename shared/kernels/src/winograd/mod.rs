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
//! Which path a convolution takes is decided by `is_faster`. Rounding errors are about twice
//! those of direct sums: see `matrices.rs`.

mod convolution;
mod gradient;
mod gradient_tiles;
mod input;
mod matrices;
mod output;
mod tiling;
mod weights;

pub use self::gradient::weight_gradient;

use self::convolution::convolve;
use self::matrices::MAX_COLUMNS;
use self::tiling::Tiling;
use crate::fused::Fused;
use crate::geometry::Geometry;
use crate::loops::BLOCK;

/// With fewer tiles in a batch, transforming the kernels costs more than the products save.
const MIN_TILES: usize = 64;

/// With fewer tiles in an image, most lanes of the vectors are unused.
const MIN_IMAGE_TILES: usize = 4;

/// Whether this path computes the shape, and faster than the direct path does. Always false without
/// the crate feature `winograd`.
pub(crate) fn is_faster(g: Geometry) -> bool {
    if !cfg!(feature = "winograd") || !is_supported(g) {
        return false;
    }
    let tiles = Tiling::new(g).tiles();
    let enough_tiles = tiles >= MIN_IMAGE_TILES && g.n * tiles >= MIN_TILES;
    let enough_channels = g.cin.min(g.cout) >= BLOCK;
    enough_tiles && enough_channels
}

/// Whether this path can compute the shape: kernel 3, stride 1, images at most 128 pixels wide.
fn is_supported(g: Geometry) -> bool {
    g.kernel == 3 && g.stride == 1 && Tiling::new(g).columns <= MAX_COLUMNS
}

/// `x [n, cin, h, w]`, `weight [cout, cin, 3, 3]` -> `[n, cout, h, w]`, with what is fused.
///
/// # Panics
/// If the kernel is not 3, the stride is not 1 or the width is above 128, or if a slice is shorter
/// than its shape says.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    assert!(is_supported(g), "no Winograd tiles for {g:?}");
    let packed = weights::pack(g.cout, g.cin, |co, ci, tap| weight[(co * g.cin + ci) * 9 + tap]);
    convolve(g, x, &packed, fused)
}

/// Gradient of [`forward`] with respect to `x`: `dy [n, cout, h, w]`, `weight [cout, cin, 3, 3]` ->
/// `[n, cin, h, w]`.
///
/// # Panics
/// As [`forward`].
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    assert!(is_supported(g), "no Winograd tiles for {g:?}");
    let packed =
        weights::pack(g.cin, g.cout, |ci, co, tap| weight[(co * g.cin + ci) * 9 + 8 - tap]);
    convolve(Geometry { cin: g.cout, cout: g.cin, ..g }, dy, &packed, Fused::default())
}
