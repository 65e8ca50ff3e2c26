//! The gradient of the kernels.

use super::tiles::{PLACES, Pixels, Spread, Widen};
use super::{Tiling, enter, weights};
use crate::fused::Before;
use crate::loops::{Correlate, Offsets, ROWS};
use crate::par;
use crate::planes::{Aligned, Geometry};
use crate::simd::{SLACK, dispatch, plain};
use pulp::Arch;

/// Tiles whose weight gradients are summed along vectors before the vectors are summed up, at most.
const RUN: usize = 64;

/// Distance between their places.
const PITCH: usize = RUN + SLACK;

/// Images whose weight gradients are summed by one task: fixed, so that the order of additions
/// does not depend on the number of threads.
const TASK: usize = 16;

/// Room of one thread.
struct Room {
    seen: Vec<f32>,
    spread: Spread,
    pixels: Pixels<PITCH>,
    /// Transformed tiles, `[cin][place][PITCH]`.
    tiles: Aligned,
    /// Those of their gradients, `[cout][place][PITCH]`.
    grads: Aligned,
}

/// Weight gradient: `x [n, cin, h, w]`, seen as in `before`, `dy [n, cout, h, w]` ->
/// `[cout, cin, 3, 3]`.
///
/// `dW = G^T [sum over tiles (A y A^T) * (B^T d B)] G`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32], before: Before) -> Vec<f32> {
    let t = Tiling::new(g);
    let (blocks, size) = (g.cout.div_ceil(ROWS), g.height * g.width);
    let pitch = PLACES * PITCH;
    let offsets: Offsets = (0..g.cin).map(|c| c * pitch).collect();
    let arch = Arch::new();
    let scratch = || Room {
        seen: vec![0.0; size],
        spread: Spread::new(t.piece(RUN)),
        pixels: Pixels::new(),
        tiles: Aligned::new(g.cin * pitch),
        grads: Aligned::new(blocks * ROWS * pitch),
    };
    let parts = par::map(g.n.div_ceil(TASK), scratch, |room, task| {
        let Room { seen, spread, pixels, tiles, grads } = room;
        // `[block][place][cin][ROWS]`.
        let mut sum = vec![0.0; blocks * PLACES * g.cin * ROWS];
        let pieces = t.pieces(task * TASK..g.n.min((task + 1) * TASK), RUN);
        for pieces in pieces.chunks(t.together(RUN)) {
            let length: usize = pieces.iter().map(|piece| t.length(piece)).sum();
            enter::<PITCH>(g, pieces, x, before, (&mut *seen, &mut *spread), tiles);
            for (i, piece) in pieces.iter().enumerate() {
                let dy = &dy[piece.image * g.out_size()..][..g.out_size()];
                for (c, channel) in dy.chunks_exact(size).enumerate() {
                    plain(
                        arch,
                        #[inline(always)]
                        || pixels.fill(channel, g.width, piece.rows.clone()),
                    );
                    let out = &mut grads[c * pitch + i * t.length(piece)..];
                    dispatch(arch, Widen { pixels: &*pixels, out, length: t.length(piece) });
                }
            }
            // Past the last tile is what a vector or the run before has left.
            for grads in grads.chunks_exact_mut(PITCH) {
                grads[length..length.next_multiple_of(SLACK)].fill(0.0);
            }
            for (at, out) in sum.chunks_exact_mut(g.cin * ROWS).enumerate() {
                let (block, place) = (at / PLACES, at % PLACES);
                let gradient = &grads[block * ROWS * pitch + place * PITCH..];
                let input = &tiles[place * PITCH..];
                let offsets = &offsets;
                dispatch(arch, Correlate { offsets, input, gradient, pitch, length, out });
            }
        }
        sum
    });
    let mut total = vec![0.0; blocks * PLACES * g.cin * ROWS];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    weights::unpack(g, &total)
}
