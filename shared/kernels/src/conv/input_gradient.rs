//! The gradient of a convolution with respect to its input, direct path.

use super::pack;
use crate::aligned::Aligned;
use crate::fused::write_mapped;
use crate::geometry::Geometry;
use crate::loops::{BLOCK, Offsets, ShiftedProduct};
use crate::simd::{SLACK, auto_vectorised, dispatch};
use crate::{par, winograd};
use pulp::Arch;
use std::mem::MaybeUninit;

/// The pixels of the input whose padded row and column have given remainders modulo the stride.
/// Their gradients are a convolution of the output's gradient with the taps of the same remainders.
struct Phase {
    /// First row and column, counted within the phase, that are inside the image.
    first: (usize, usize),
    /// Row and column of that pixel in the image.
    origin: (usize, usize),
    /// Rows and columns of the phase inside the image.
    size: (usize, usize),
    /// Taps that contribute.
    taps: Vec<usize>,
}

impl Phase {
    /// All phases that have pixels. Together they cover the image.
    fn all(g: &Geometry) -> Vec<Self> {
        let mut phases = Vec::new();
        for a in 0..g.stride {
            for b in 0..g.stride {
                phases.extend(Self::new(g, a, b));
            }
        }
        phases
    }

    /// The phase of remainders `a` (rows) and `b` (columns), if it has pixels.
    fn new(g: &Geometry, a: usize, b: usize) -> Option<Self> {
        let s = g.stride;
        let pad = g.pad();
        let first = (pad.saturating_sub(a).div_ceil(s), pad.saturating_sub(b).div_ceil(s));
        let origin = (s * first.0 + a - pad, s * first.1 + b - pad);
        if origin.0 >= g.height || origin.1 >= g.width {
            return None;
        }
        let size = ((g.height - origin.0).div_ceil(s), (g.width - origin.1).div_ceil(s));
        let belongs = |t: &usize| (t / g.kernel) % s == a && (t % g.kernel) % s == b;
        Some(Self { first, origin, size, taps: (0..g.taps()).filter(belongs).collect() })
    }
}

/// A phase with the factors of its product.
struct Plan {
    phase: Phase,
    offsets: Offsets,
    /// `[block][cout * taps][BLOCK]`.
    packed: Vec<f32>,
}

impl Plan {
    fn new(g: Geometry, phase: Phase, weight: &[f32]) -> Self {
        let s = g.stride;
        let pad = g.pad();
        let count = phase.taps.len();
        let ks = g.cout * count;
        let offset = |k: usize| {
            let t = phase.taps[k % count];
            let ky = t / g.kernel / s;
            let kx = t % g.kernel / s;
            let row = phase.first.0 + pad - ky;
            (k / count) * g.plane_length() + row * g.row_pitch() + phase.first.1 + pad - kx
        };
        let offsets: Offsets = (0..ks).map(offset).collect();
        let packed = pack(g.cin, ks, |ci, k| {
            weight[((k / count) * g.cin + ci) * g.taps() + phase.taps[k % count]]
        });
        Self { phase, offsets, packed }
    }
}

/// `dy [n, cout, oh, ow]`, `weight [cout, cin, k, k]` -> `[n, cin, h, w]`.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    if winograd::is_faster(g) {
        return winograd::input_gradient(g, dy, weight);
    }
    let pad = g.pad();
    let images = g.group_images();
    let plans: Vec<Plan> =
        Phase::all(&g).into_iter().map(|phase| Plan::new(g, phase, weight)).collect();
    let pitch = g.grid_pitch();
    let arch = Arch::new();
    // The gradient starts `pad` rows and columns into its planes, so that it is padded all around.
    let padded = g.cout * g.plane_length() + g.row_pitch() + 1 + SLACK;
    let scratch = || (vec![0.0; padded], g.output_grids(BLOCK));
    let work = |scratch: &mut (Vec<f32>, Aligned), group: usize, dx: &mut [MaybeUninit<f32>]| {
        let (padded, grids) = scratch;
        let count = dx.len() / g.in_size();
        auto_vectorised(
            arch,
            #[inline(always)]
            || {
                for i in 0..count {
                    let dy = &dy[(group * images + i) * g.out_size()..][..g.out_size()];
                    g.copy_gradient(i, dy, padded, pad, g.plane_length());
                }
            },
        );
        let length = g.grid_length(count);
        for Plan { phase, offsets, packed } in &plans {
            let ks = offsets.len();
            for block in 0..g.cin.div_ceil(BLOCK) {
                let weights = &packed[block * ks * BLOCK..][..ks * BLOCK];
                let input = &padded[..];
                let out = &mut grids[..];
                dispatch(arch, ShiftedProduct { offsets, weights, input, out, pitch, length });
                auto_vectorised(
                    arch,
                    #[inline(always)]
                    || write_block(g, phase, block, grids, dx),
                );
            }
        }
    };
    // SAFETY: the phases cover every pixel of an image, and the blocks every channel.
    unsafe { par::build(g.n * g.in_size(), images * g.in_size(), scratch, work) }
}

/// Writes the grids of a block of channels to the pixels of a phase, for all images of a group.
#[inline(always)]
fn write_block(
    g: Geometry,
    phase: &Phase,
    block: usize,
    grids: &[f32],
    dx: &mut [MaybeUninit<f32>],
) {
    let s = g.stride;
    let size = g.height * g.width;
    let grid_pitch = g.grid_pitch();
    let image_length = g.image_length();
    let row_pitch = g.row_pitch();
    let rows = BLOCK.min(g.cin - block * BLOCK);
    for i in 0..dx.len() / g.in_size() {
        for r in 0..rows {
            let dx = &mut dx[(i * g.cin + block * BLOCK + r) * size..][..size];
            for y in 0..phase.size.0 {
                let at = r * grid_pitch + i * image_length + y * row_pitch;
                let from = &grids[at..at + phase.size.1];
                let to = (phase.origin.0 + s * y) * g.width + phase.origin.1;
                if s == 1 {
                    write_mapped(&mut dx[to..to + phase.size.1], from, |v| v);
                } else {
                    for (to, &v) in dx[to..].iter_mut().step_by(2).zip(from) {
                        to.write(v);
                    }
                }
            }
        }
    }
}
