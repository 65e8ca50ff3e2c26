//! Applies a function to every pixel of a batch.

use super::Shape;
use crate::fused::{InputAffine, channels};
use crate::par;
use crate::simd::{FEW_VARIANTS, dispatch, load_part, store_part};
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;

/// Maps every vector of channels: `to = map(x, to)`.
pub trait PixelMap {
    /// The map of a vector of channels, of which `channel` is the first.
    fn map<S: Simd>(&self, simd: S, channel: usize) -> impl Fn(S::f32s, S::f32s) -> S::f32s;
}

/// Runs a [`PixelMap`] over all pixels of `x`.
struct Mapped<'a, M> {
    map: &'a M,
    channels: usize,
    x: &'a [f32],
    /// The result. If `reads`, it first holds the second input of the map.
    to: &'a mut [MaybeUninit<f32>],
    /// Whether the map has a second input.
    reads: bool,
}

impl<M: PixelMap> WithSimd for Mapped<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, channels, x, to, reads } = self;
        assert!(x.len() == to.len() && x.len().is_multiple_of(channels), "whole pixels");
        let to = to.as_mut_ptr().cast::<f32>();
        let lanes = S::F32_LANES;
        let mut channel = 0;
        while channel < channels {
            // SAFETY: `x` and `to` hold the same whole pixels, and `to` may be read if `reads` says so.
            channel += lanes
                * unsafe {
                    match (channels - channel) / lanes {
                        _ if FEW_VARIANTS => {
                            vectors::<S, M, 1>(simd, map, channel, channels, x, to, reads)
                        }
                        4.. => vectors::<S, M, 4>(simd, map, channel, channels, x, to, reads),
                        2.. => vectors::<S, M, 2>(simd, map, channel, channels, x, to, reads),
                        _ => vectors::<S, M, 1>(simd, map, channel, channels, x, to, reads),
                    }
                };
        }
    }
}

/// Maps `V` vectors of channels from `channel` on, of which only the last one may have fewer channels than lanes;
/// returns `V`. Neighbouring vectors are mapped together, because memory is read in order.
///
/// # Safety
/// `to` is as long as `x`, which holds whole pixels. If `reads`, it holds numbers.
#[inline(always)]
unsafe fn vectors<S: Simd, M: PixelMap, const V: usize>(
    simd: S,
    map: &M,
    channel: usize,
    channels: usize,
    x: &[f32],
    to: *mut f32,
    reads: bool,
) -> usize {
    let lanes = S::F32_LANES;
    let maps: [_; V] = std::array::from_fn(|v| map.map(simd, channel + v * lanes));
    for at in (channel..x.len()).step_by(channels) {
        for (v, map) in maps.iter().enumerate() {
            let at = at + v * lanes;
            let count = channels - channel - v * lanes;
            // SAFETY: the caller's promise; `count` numbers are left of this pixel.
            unsafe {
                let x = load_part(simd, x.as_ptr().add(at), count);
                let old = if reads { load_part(simd, to.add(at), count) } else { x };
                store_part::<S>(to.add(at), count, map(x, old));
            }
        }
    }
    V
}

impl PixelMap for InputAffine<'_> {
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, channel: usize) -> impl Fn(S::f32s, S::f32s) -> S::f32s {
        let map = self.vector(simd, channel);
        #[inline(always)]
        move |x, _| map(x)
    }
}

/// `relu(scale[c] * x + shift[c])`.
pub fn affine_relu(shape: Shape, x: &[f32], affine: InputAffine) -> Vec<f32> {
    let arch = Arch::new();
    let Shape { channels, .. } = shape;
    let work = |task: usize, to: &mut [MaybeUninit<f32>]| {
        let x = &x[task * shape.task()..][..to.len()];
        let pieces = x.chunks(shape.piece()).zip(to.chunks_mut(shape.piece()));
        for (x, to) in pieces {
            dispatch(arch, Mapped { map: &affine, channels, x, to, reads: false });
        }
    };
    // SAFETY: the pieces are whole pixels, and every channel of each of them is written.
    unsafe { par::build(shape.pixels * channels, shape.task(), work).0 }
}

/// `dx = scale g` from `x` and `dy`, with `g` of [`InputAffine::gradient`].
struct AffineGradient<'a>(InputAffine<'a>);

impl PixelMap for AffineGradient<'_> {
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, channel: usize) -> impl Fn(S::f32s, S::f32s) -> S::f32s {
        let scale = channels(simd, self.0.scale, channel);
        let g = self.0.gradient(simd, channel);
        #[inline(always)]
        move |x, dy| simd.mul_f32s(scale, g(x, dy))
    }
}

/// Gradient of [`affine_relu`] with respect to `x`; it takes the memory of `dy`.
pub fn affine_relu_gradient(
    shape: Shape,
    x: &[f32],
    mut dy: Vec<f32>,
    affine: InputAffine,
) -> Vec<f32> {
    map_in_place(shape, x, &mut dy, &AffineGradient(affine));
    dy
}

/// Replaces every vector of `to` by its map.
pub fn map_in_place(shape: Shape, x: &[f32], to: &mut [f32], map: &(impl PixelMap + Sync)) {
    let arch = Arch::new();
    let channels = shape.channels;
    par::for_each_chunk(to, shape.task(), |task, to| {
        let x = &x[task * shape.task()..][..to.len()];
        for (x, to) in x.chunks(shape.piece()).zip(to.chunks_mut(shape.piece())) {
            // SAFETY: numbers may be seen as memory that may hold numbers; `Mapped` writes only numbers.
            let to = unsafe { &mut *(std::ptr::from_mut(to) as *mut [MaybeUninit<f32>]) };
            dispatch(arch, Mapped { map, channels, x, to, reads: true });
        }
    });
}
