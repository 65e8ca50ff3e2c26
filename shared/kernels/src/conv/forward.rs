//! The output of a convolution, direct path.

use super::{copy_image, pack};
use crate::aligned::Aligned;
use crate::fused::{Epilogue, Fused};
use crate::geometry::Geometry;
use crate::loops::{BLOCK, Offsets, ShiftedProduct};
use crate::simd::{auto_vectorised, dispatch};
use crate::{par, winograd};
use pulp::Arch;
use std::mem::MaybeUninit;

/// Buffers of one thread.
struct Scratch {
    /// Planes of the input, `[cin][channel_length]`.
    planes: Vec<f32>,
    /// Output grids of a block of channels, `[BLOCK][grid_pitch]`.
    grids: Aligned,
    /// A channel after the prologue.
    channel: Vec<f32>,
}

/// `x [n, cin, h, w]`, `weight [cout, cin, k, k]` -> `[n, cout, oh, ow]`, with what is fused.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    if winograd::is_faster(g) {
        return winograd::forward(g, x, weight, fused);
    }
    let ks = g.cin * g.taps();
    let offsets = &Offsets::from_iter(g.tap_offsets());
    let packed = pack(g.cout, ks, |r, k| weight[r * ks + k]);
    let images = g.group_images();
    let pitch = g.grid_pitch();
    let arch = Arch::new();
    let scratch = || Scratch {
        planes: g.input_planes(),
        grids: g.output_grids(BLOCK),
        channel: vec![0.0; g.height * g.width],
    };
    let work = |scratch: &mut Scratch, group: usize, out: &mut [MaybeUninit<f32>]| {
        let Scratch { planes, grids, channel } = scratch;
        let count = out.len() / g.out_size();
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for i in 0..count {
                    let image = &x[(group * images + i) * g.in_size()..][..g.in_size()];
                    copy_image(g, i, image, fused.prologue, planes, channel);
                }
            },
        );
        let length = g.grid_length(count);
        for (block, weights) in packed.chunks_exact(ks * BLOCK).enumerate() {
            let input = &planes[..];
            dispatch(arch, ShiftedProduct { offsets, weights, input, out: grids, pitch, length });
            auto_vectorised(
                arch,
                #[inline(always)]
                || write_block(g, block, group * images, fused.epilogue, grids, out),
            );
        }
    };
    // SAFETY: `work` writes every row of every output channel of every image of its group.
    unsafe { par::build(g.n * g.out_size(), images * g.out_size(), scratch, work) }
}

/// Writes the output grids of a block of channels to the output of a group, whose first image is
/// `first` in the batch.
#[inline(always)]
fn write_block(
    g: Geometry,
    block: usize,
    first: usize,
    epilogue: Epilogue,
    grids: &[f32],
    out: &mut [MaybeUninit<f32>],
) {
    let oh = g.out_height();
    let ow = g.out_width();
    let grid_pitch = g.grid_pitch();
    let image_length = g.image_length();
    let row_pitch = g.row_pitch();
    let rows = BLOCK.min(g.cout - block * BLOCK);
    for i in 0..out.len() / g.out_size() {
        for r in 0..rows {
            let c = block * BLOCK + r;
            for y in 0..oh {
                let from = r * grid_pitch + i * image_length + y * row_pitch;
                let at = (i * g.cout + c) * oh * ow + y * ow;
                let start = first * g.out_size() + at;
                let to = &mut out[at..at + ow];
                epilogue.write(c, start, &grids[from..from + ow], to);
            }
        }
    }
}
