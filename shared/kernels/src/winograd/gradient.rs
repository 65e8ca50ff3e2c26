//! The gradient of the kernels.

use super::gradient_tiles::{GradientPixels, GradientTransform};
use super::input::{InputScratch, transform_input};
use super::matrices::ELEMENTS;
use super::tiling::{Piece, Tiling};
use super::{is_supported, weights};
use crate::aligned::Aligned;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::loops::{BLOCK, Correlation, Offsets};
use crate::par;
use crate::simd::{SLACK, auto_vectorised, dispatch};
use pulp::Arch;

/// Largest number of tiles that are summed along vectors before the lanes of the vectors are
/// summed.
const TILES: usize = 64;

/// Distance between the elements of a tile.
const PITCH: usize = TILES + SLACK;

/// Distance between the channels of transformed tiles.
const CHANNEL_PITCH: usize = ELEMENTS * PITCH;

/// Images whose weight gradients are summed by one task. It is fixed, so that the order of
/// additions does not depend on the number of threads.
const TASK_IMAGES: usize = 16;

/// Buffers of one thread.
struct Scratch {
    input: InputScratch,
    pixels: GradientPixels<PITCH>,
    /// Transformed tiles of the input, `[cin][element][PITCH]`.
    tiles: Aligned,
    /// Transformed tiles of the output's gradient, `[cout][element][PITCH]`.
    gradients: Aligned,
}

impl Scratch {
    fn new(g: Geometry) -> Self {
        Self {
            input: InputScratch::new(g.height * g.width, Tiling::new(g).piece_rows(TILES)),
            pixels: GradientPixels::new(),
            tiles: Aligned::new(g.cin * CHANNEL_PITCH),
            gradients: Aligned::new(g.cout.next_multiple_of(BLOCK) * CHANNEL_PITCH),
        }
    }
}

/// Gradient of [`forward`](super::forward) with respect to the weights: `x [n, cin, h, w]`, to
/// which the prologue is applied, `dy [n, cout, h, w]` -> `[cout, cin, 3, 3]`.
///
/// `dW = G^T [sum over tiles (A y A^T) * (B^T d B)] G`.
///
/// # Panics
/// As [`forward`](super::forward).
pub fn weight_gradient(
    g: Geometry,
    x: &[f32],
    dy: &[f32],
    prologue: Option<InputAffine>,
) -> Vec<f32> {
    assert!(is_supported(g), "no Winograd tiles for {g:?}");
    let tiling = Tiling::new(g);
    let blocks = g.cout.div_ceil(BLOCK);
    let offsets: Offsets = (0..g.cin).map(|c| c * CHANNEL_PITCH).collect();
    let tasks = g.n.div_ceil(TASK_IMAGES);
    let parts = par::map(
        tasks,
        || Scratch::new(g),
        |scratch, task| {
            // `[block][element][cin][BLOCK]`.
            let mut sum = vec![0.0; blocks * ELEMENTS * g.cin * BLOCK];
            let images = task * TASK_IMAGES..g.n.min((task + 1) * TASK_IMAGES);
            let pieces = tiling.pieces(images, TILES);
            for pieces in pieces.chunks(tiling.pieces_together(TILES)) {
                let Scratch { input, pixels, tiles, gradients } = scratch;
                transform_input::<PITCH>(g, pieces, x, prologue, input, tiles);
                transform_gradient(g, pieces, dy, pixels, gradients);
                let length = pieces.iter().map(|piece| tiling.length(piece)).sum();
                correlate(g.cin, &offsets, tiles, gradients, length, &mut sum);
            }
            sum
        },
    );
    let mut total = vec![0.0; blocks * ELEMENTS * g.cin * BLOCK];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    weights::unpack(g, &total)
}

/// Transforms the pieces of the gradients `dy`: `[cout][element][PITCH]`, zero up to a whole vector
/// past the last tile.
fn transform_gradient(
    g: Geometry,
    pieces: &[Piece],
    dy: &[f32],
    pixels: &mut GradientPixels<PITCH>,
    gradients: &mut [f32],
) {
    let arch = Arch::new();
    let tiling = Tiling::new(g);
    for (i, piece) in pieces.iter().enumerate() {
        let dy = &dy[piece.image * g.out_size()..][..g.out_size()];
        for (c, channel) in dy.chunks_exact(g.height * g.width).enumerate() {
            auto_vectorised(
                arch,
                #[inline(always)]
                || pixels.fill(channel, g.width, piece.rows.clone()),
            );
            let length = tiling.length(piece);
            let out = &mut gradients[c * CHANNEL_PITCH + i * length..];
            dispatch(arch, GradientTransform { pixels: &*pixels, out, length });
        }
    }
    // Past the last tile stand values of a vector's unused lanes, or of the pieces before.
    let length: usize = pieces.iter().map(|piece| tiling.length(piece)).sum();
    for gradients in gradients.chunks_exact_mut(PITCH) {
        gradients[length..length.next_multiple_of(SLACK)].fill(0.0);
    }
}

/// Adds the products of `length` tiles with their gradients to `sum`,
/// `[block][element][cin][BLOCK]`.
fn correlate(
    cin: usize,
    offsets: &Offsets,
    tiles: &[f32],
    gradients: &[f32],
    length: usize,
    sum: &mut [f32],
) {
    let arch = Arch::new();
    let pitch = CHANNEL_PITCH;
    for (at, out) in sum.chunks_exact_mut(cin * BLOCK).enumerate() {
        let block = at / ELEMENTS;
        let element = at % ELEMENTS;
        let gradient = &gradients[block * BLOCK * pitch + element * PITCH..];
        let input = &tiles[element * PITCH..];
        dispatch(arch, Correlation { offsets, input, gradient, pitch, length, out });
    }
}
