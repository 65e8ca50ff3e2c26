//! The transform of kernels, `G g G^T`, and of their gradients, `G^T u G`. The matrices are in
//! [`matrices`](super::matrices).

use super::matrices::{
    ELEMENTS, INPUTS, KERNEL, kernel_gradient_transform, kernel_transform, transform_2d,
};
use crate::geometry::Geometry;
use crate::simd::{SLACK, dispatch, load, store};
use pulp::{Arch, Simd, WithSimd};

/// Distance between two elements that hold `pairs` numbers each. At powers of two, all elements would fall into
/// the same set of the cache.
pub fn distance(pairs: usize) -> usize {
    pairs + SLACK
}

/// Transforms kernels `[tap][pairs]` to `[element][pairs]`, or their gradients back, one for each pair of an input
/// and an output channel. Taps and elements are [`distance`] apart.
struct Transform<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
    /// Numbers of a tap or element: a multiple of the lanes.
    pairs: usize,
    /// Whether the gradients are transformed.
    gradient: bool,
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, to, pairs, gradient } = self;
        let (inputs, outputs) = if gradient { (ELEMENTS, 9) } else { (9, ELEMENTS) };
        assert!(pairs.is_multiple_of(S::F32_LANES));
        let distance = distance(pairs);
        assert!(from.len() >= inputs * distance && to.len() >= outputs * distance);
        for at in (0..pairs).step_by(S::F32_LANES) {
            // SAFETY: a vector is left of the pairs, and the assertions bound the taps and elements.
            let from = unsafe { from.as_ptr().add(at) };
            // SAFETY: as above.
            let to = unsafe { to.as_mut_ptr().add(at) };
            if gradient {
                transform_2d::<S, INPUTS, KERNEL>(
                    simd,
                    #[inline(always)]
                    |u| kernel_gradient_transform(simd, u),
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j| unsafe { load::<S>(from.add((INPUTS * i + j) * distance)) },
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j, value| unsafe { store::<S>(to.add((KERNEL * i + j) * distance), value) },
                );
            } else {
                transform_2d::<S, KERNEL, INPUTS>(
                    simd,
                    #[inline(always)]
                    |g| kernel_transform(simd, g),
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j| unsafe { load::<S>(from.add((KERNEL * i + j) * distance)) },
                    #[inline(always)]
                    // SAFETY: as above.
                    |i, j, value| unsafe { store::<S>(to.add((INPUTS * i + j) * distance), value) },
                );
            }
        }
    }
}

/// Transformed kernels as right factors of a product: `[element][cin][pitch]`, zero past `cout`, with
/// elements [`distance`] apart. `weight(co, ci, tap)` is a weight of the convolution.
pub fn pack(
    cout: usize,
    cin: usize,
    pitch: usize,
    weight: impl Fn(usize, usize, usize) -> f32,
) -> Vec<f32> {
    let pairs = cin * pitch;
    let distance = distance(pairs);
    let mut taps = vec![0.0; 9 * distance];
    // Blocks of output channels, so that the lines of the cache that are written stay in it.
    for first in (0..cout).step_by(BLOCK) {
        for ci in 0..cin {
            for co in first..cout.min(first + BLOCK) {
                for tap in 0..9 {
                    taps[tap * distance + ci * pitch + co] = weight(co, ci, tap);
                }
            }
        }
    }
    let mut packed = vec![0.0; ELEMENTS * distance];
    let transform = Transform { from: &taps, to: &mut packed, pairs, gradient: false };
    dispatch(Arch::new(), transform);
    packed
}

/// Output channels of which the weights are read together.
const BLOCK: usize = 16;

/// `G^T u G` of sums `[element][cin][pitch]`: `[cout, cin, 3, 3]`.
pub fn unpack(g: Geometry, pitch: usize, sums: &[f32]) -> Vec<f32> {
    let pairs = g.cin * pitch;
    let distance = distance(pairs);
    let mut taps = vec![0.0; 9 * distance];
    let transform = Transform { from: sums, to: &mut taps, pairs, gradient: true };
    dispatch(Arch::new(), transform);
    let mut dw = vec![0.0; g.cout * g.cin * 9];
    for (co, dw) in dw.chunks_exact_mut(g.cin * 9).enumerate() {
        for (ci, dw) in dw.chunks_exact_mut(9).enumerate() {
            for (tap, dw) in dw.iter_mut().enumerate() {
                *dw = taps[tap * distance + ci * pitch + co];
            }
        }
    }
    dw
}
