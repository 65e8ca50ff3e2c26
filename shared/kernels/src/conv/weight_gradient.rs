//! The gradient of a convolution with respect to its weights, direct path.

use super::copy_image;
use crate::aligned::Aligned;
use crate::fused::InputAffine;
use crate::geometry::Geometry;
use crate::loops::{BLOCK, Correlation, Offsets};
use crate::simd::{auto_vectorised, dispatch};
use crate::{par, winograd};
use pulp::Arch;

/// Fewest images whose weight gradients are summed by one task. It is fixed, so that the order of
/// additions does not depend on the number of threads.
const TASK_IMAGES: usize = 8;

/// Buffers of one thread.
struct Scratch {
    /// Planes of the input, `[cin][channel_length]`.
    planes: Vec<f32>,
    /// Grids of the output's gradient, `[cout][grid_pitch]`.
    grids: Aligned,
    /// A channel after the prologue.
    channel: Vec<f32>,
}

/// `x [n, cin, h, w]`, to which the prologue is applied, `dy [n, cout, oh, ow]` -> `[cout, cin, k,
/// k]`.
pub fn weight_gradient(
    g: Geometry,
    x: &[f32],
    dy: &[f32],
    prologue: Option<InputAffine>,
) -> Vec<f32> {
    if winograd::is_faster(g) {
        return winograd::weight_gradient(g, x, dy, prologue);
    }
    let taps = g.taps();
    let blocks = g.cout.div_ceil(BLOCK);
    let images = g.group_images();
    let offsets: Vec<Offsets> =
        g.tap_offsets().chunks_exact(taps).map(|c| c.iter().copied().collect()).collect();
    let task_images = TASK_IMAGES.next_multiple_of(images);
    let scratch = || Scratch {
        planes: g.input_planes(),
        grids: g.output_grids(blocks * BLOCK),
        channel: vec![0.0; g.height * g.width],
    };
    let parts = par::map(g.n.div_ceil(task_images), scratch, |scratch, part| {
        // `[block][cin][taps][BLOCK]`.
        let mut sum = vec![0.0; blocks * g.cin * taps * BLOCK];
        let end = g.n.min((part + 1) * task_images);
        for first in (part * task_images..end).step_by(images) {
            let count = images.min(end - first);
            let x = &x[first * g.in_size()..][..count * g.in_size()];
            let dy = &dy[first * g.out_size()..][..count * g.out_size()];
            fill(g, x, dy, prologue, scratch);
            correlate(g, count, &offsets, scratch, &mut sum);
        }
        sum
    });
    unpack(g, parts)
}

/// Copies the images `x` and their gradients `dy` into the buffers.
fn fill(g: Geometry, x: &[f32], dy: &[f32], prologue: Option<InputAffine>, scratch: &mut Scratch) {
    let Scratch { planes, grids, channel } = scratch;
    let pitch = g.grid_pitch();
    let count = x.len() / g.in_size();
    auto_vectorised(
        Arch::new(),
        #[inline(always)]
        || {
            for i in 0..count {
                let image = &x[i * g.in_size()..][..g.in_size()];
                copy_image(g, i, image, prologue, planes, channel);
                let dy = &dy[i * g.out_size()..][..g.out_size()];
                g.copy_gradient(i, dy, grids, 0, pitch);
            }
        },
    );
    if count < g.group_images() {
        // The buffers still hold images of an earlier group there.
        for grid in grids.chunks_exact_mut(pitch) {
            grid[count * g.image_length()..].fill(0.0);
        }
    }
}

/// Adds the weight gradients of the `count` images in the buffers to `sum`.
fn correlate(g: Geometry, count: usize, offsets: &[Offsets], scratch: &Scratch, sum: &mut [f32]) {
    let arch = Arch::new();
    let pitch = g.grid_pitch();
    let length = g.grid_length(count);
    let input = &scratch.planes[..];
    for (block, sum) in sum.chunks_exact_mut(g.cin * g.taps() * BLOCK).enumerate() {
        let gradient = &scratch.grids[block * BLOCK * pitch..][..BLOCK * pitch];
        for (offsets, out) in offsets.iter().zip(sum.chunks_exact_mut(g.taps() * BLOCK)) {
            dispatch(arch, Correlation { offsets, input, gradient, pitch, length, out });
        }
    }
}

/// The sum of the tasks' sums `[block][cin][taps][BLOCK]`, in order: `[cout, cin, k, k]`.
fn unpack(g: Geometry, parts: Vec<Vec<f32>>) -> Vec<f32> {
    let kernels = g.cin * g.taps();
    let mut dw = vec![0.0; g.cout * kernels];
    for part in parts {
        for (co, dw) in dw.chunks_exact_mut(kernels).enumerate() {
            let block = &part[(co / BLOCK) * kernels * BLOCK..];
            for (k, dw) in dw.iter_mut().enumerate() {
                *dw += block[k * BLOCK + co % BLOCK];
            }
        }
    }
    dw
}
