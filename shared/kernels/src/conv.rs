//! Convolutions as sums of shifted views ([`super::planes`]): forward, input gradient and weight
//! gradient are two short loops ([`Shifted`], [`Correlate`]) and no im2col matrix is ever built.

use super::fused::{Before, Fused, seen};
use super::loops::{Correlate, Offsets, ROWS, Shifted};
pub use super::planes::Geometry;
use super::planes::put;
use super::simd::{SLACK, dispatch, plain};
use super::{par, winograd};
use pulp::Arch;

/// Weights reordered for [`Shifted`]: `[block][k][ROWS]`, padded with zeros.
fn pack(rows: usize, ks: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut packed = vec![0.0; rows.div_ceil(ROWS) * ks * ROWS];
    for r in 0..rows {
        for k in 0..ks {
            packed[((r / ROWS) * ks + k) * ROWS + r % ROWS] = weight(r, k);
        }
    }
    packed
}

/// Copies image `i` of a run, `[cin, height, width]`, into its planes, seen as in `before`: through
/// `room` for a channel, as planes have short rows.
#[inline(always)]
fn spread(
    g: Geometry,
    i: usize,
    image: &[f32],
    before: Before,
    planes: &mut [f32],
    room: &mut [f32],
) {
    let channels = image.chunks_exact(g.height * g.width);
    for (c, (channel, planes)) in channels.zip(planes.chunks_mut(g.channel())).enumerate() {
        g.spread(i, seen(before, c, channel, room), planes);
    }
}

/// Forward: `x [n, cin, h, w]`, `weight [cout, cin, k, k]` -> `[n, cout, oh, ow]`.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    if winograd::pays(g) {
        return winograd::forward(g, x, weight, fused);
    }
    let (oh, ow, taps, ks) = (g.out_height(), g.out_width(), g.taps(), g.cin * g.taps());
    let offsets: Offsets = (0..ks).map(|k| (k / taps) * g.channel() + g.tap(k % taps)).collect();
    let packed = pack(g.cout, ks, |r, k| weight[r * ks + k]);
    let (size, pitch, images) = (oh * ow, g.pitch_of_run(), g.images());
    let arch = Arch::new();
    let scratch = || (g.inputs(), g.outputs(ROWS), vec![0.0; g.height * g.width]);
    // SAFETY: every row of every output channel of every image is put below.
    unsafe {
        par::build(
            g.n * g.out_size(),
            images * g.out_size(),
            scratch,
            |(planes, grid, room), run, out| {
                let count = out.len() / g.out_size();
                plain(
                    arch,
                    #[inline(always)]
                    || {
                        for i in 0..count {
                            let image = &x[(run * images + i) * g.in_size()..][..g.in_size()];
                            spread(g, i, image, fused.before, planes, room);
                        }
                    },
                );
                for (block, packed) in packed.chunks_exact(ks * ROWS).enumerate() {
                    let (offsets, length) = (&offsets, g.length(count));
                    let (weights, input) = (packed, &planes[..]);
                    dispatch(arch, Shifted { offsets, weights, input, out: grid, pitch, length });
                    let rows = ROWS.min(g.cout - block * ROWS);
                    plain(
                        arch,
                        #[inline(always)]
                        || {
                            for (i, r) in (0..count).flat_map(|i| (0..rows).map(move |r| (i, r))) {
                                let c = block * ROWS + r;
                                for y in 0..oh {
                                    let row = r * pitch + i * g.plane() + y * g.pitch();
                                    let at = (i * g.cout + c) * size + y * ow;
                                    let start = run * images * g.out_size() + at;
                                    let to = &mut out[at..at + ow];
                                    fused.after.put(c, start, &grid[row..row + ow], to);
                                }
                            }
                        },
                    );
                }
            },
        )
    }
}

/// One phase of the input gradient: which pixels of the image it fills, and from which taps.
struct Phase {
    /// First phase row and column whose padded coordinate is inside the image.
    first: (usize, usize),
    /// The image's row and column there.
    origin: (usize, usize),
    size: (usize, usize),
    taps: Vec<usize>,
}

fn phases(g: &Geometry) -> Vec<Phase> {
    let (s, pad) = (g.stride, g.pad());
    let start = |a: usize| pad.saturating_sub(a).div_ceil(s);
    let mut phases = Vec::new();
    for a in 0..s {
        for b in 0..s {
            let first = (start(a), start(b));
            let origin = (s * first.0 + a - pad, s * first.1 + b - pad);
            if origin.0 >= g.height || origin.1 >= g.width {
                continue;
            }
            let size = ((g.height - origin.0).div_ceil(s), (g.width - origin.1).div_ceil(s));
            let own = |t: &usize| (t / g.kernel) % s == a && (t % g.kernel) % s == b;
            phases.push(Phase { first, origin, size, taps: (0..g.taps()).filter(own).collect() });
        }
    }
    phases
}

/// Input gradient: `dy [n, cout, oh, ow]`, `weight [cout, cin, k, k]` -> `[n, cin, h, w]`.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    if winograd::pays(g) {
        return winograd::input_gradient(g, dy, weight);
    }
    let (s, pad, taps, row, images) = (g.stride, g.pad(), g.taps(), g.pitch(), g.images());
    let plans: Vec<_> = phases(&g)
        .into_iter()
        .map(|phase| {
            let own = phase.taps.len();
            let ks = g.cout * own;
            let offset = |k: usize| {
                let t = phase.taps[k % own];
                let (ky, kx) = (t / g.kernel / s, t % g.kernel / s);
                (k / own) * g.run() + (phase.first.0 + pad - ky) * row + phase.first.1 + pad - kx
            };
            let offsets: Offsets = (0..ks).map(offset).collect();
            let packed = pack(g.cin, ks, |ci, k| {
                weight[((k / own) * g.cin + ci) * taps + phase.taps[k % own]]
            });
            (phase, offsets, packed)
        })
        .collect();
    let (size, pitch) = (g.height * g.width, g.pitch_of_run());
    let arch = Arch::new();
    let scratch = || (vec![0.0; g.cout * g.run() + row + 1 + SLACK], g.outputs(ROWS));
    // SAFETY: the phases cover every pixel of the image.
    unsafe {
        par::build(g.n * g.in_size(), images * g.in_size(), scratch, |(padded, grid), run, dx| {
            let count = dx.len() / g.in_size();
            plain(
                arch,
                #[inline(always)]
                || {
                    for i in 0..count {
                        let dy = &dy[(run * images + i) * g.out_size()..][..g.out_size()];
                        g.lay(i, dy, padded, pad, g.run());
                    }
                },
            );
            for (phase, offsets, packed) in &plans {
                let ks = offsets.len();
                let length = g.length(count);
                for block in 0..g.cin.div_ceil(ROWS) {
                    let weights = &packed[block * ks * ROWS..][..ks * ROWS];
                    let input = &padded[..];
                    dispatch(arch, Shifted { offsets, weights, input, out: grid, pitch, length });
                    let rows = ROWS.min(g.cin - block * ROWS);
                    plain(
                        arch,
                        #[inline(always)]
                        || {
                            for (i, r) in (0..count).flat_map(|i| (0..rows).map(move |r| (i, r))) {
                                let dx = &mut dx[(i * g.cin + block * ROWS + r) * size..][..size];
                                for y in 0..phase.size.0 {
                                    let at = r * pitch + i * g.plane() + y * row;
                                    let from = &grid[at..at + phase.size.1];
                                    let to = (phase.origin.0 + s * y) * g.width + phase.origin.1;
                                    if s == 1 {
                                        put(&mut dx[to..to + phase.size.1], from, |v| v);
                                    } else {
                                        for (to, &v) in dx[to..].iter_mut().step_by(2).zip(from) {
                                            to.write(v);
                                        }
                                    }
                                }
                            }
                        },
                    );
                }
            }
        })
    }
}

/// Fewest images whose weight gradients are summed by one task: fixed, so that the order of
/// additions does not depend on the number of threads.
const TASK: usize = 8;

/// Weight gradient: `x [n, cin, h, w]`, seen as in `before`, `dy [n, cout, oh, ow]` ->
/// `[cout, cin, k, k]`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32], before: Before) -> Vec<f32> {
    if winograd::pays(g) {
        return winograd::weight_gradient(g, x, dy, before);
    }
    let (taps, blocks, images) = (g.taps(), g.cout.div_ceil(ROWS), g.images());
    let offsets: Vec<Offsets> =
        (0..g.cin).map(|c| (0..taps).map(|t| c * g.channel() + g.tap(t)).collect()).collect();
    let pitch = g.pitch_of_run();
    let task = TASK.next_multiple_of(images);
    let arch = Arch::new();
    let scratch = || (g.inputs(), g.outputs(blocks * ROWS), vec![0.0; g.height * g.width]);
    let parts = par::map(g.n.div_ceil(task), scratch, |(planes, grid, room), part| {
        let mut sum = vec![0.0; blocks * g.cin * taps * ROWS];
        let (mut n, end) = (part * task, g.n.min((part + 1) * task));
        while n < end {
            let count = images.min(end - n);
            plain(
                arch,
                #[inline(always)]
                || {
                    for i in 0..count {
                        let image = &x[(n + i) * g.in_size()..][..g.in_size()];
                        spread(g, i, image, before, planes, room);
                        let dy = &dy[(n + i) * g.out_size()..][..g.out_size()];
                        g.lay(i, dy, grid, 0, pitch);
                    }
                },
            );
            if count < images {
                // Images of the run before are still there.
                for grid in grid.chunks_exact_mut(pitch) {
                    grid[count * g.plane()..].fill(0.0);
                }
            }
            for (block, sum) in sum.chunks_exact_mut(g.cin * taps * ROWS).enumerate() {
                let gradient = &grid[block * ROWS * pitch..][..ROWS * pitch];
                for (offsets, out) in offsets.iter().zip(sum.chunks_exact_mut(taps * ROWS)) {
                    let (input, length) = (&planes[..], g.length(count));
                    dispatch(arch, Correlate { offsets, input, gradient, pitch, length, out });
                }
            }
            n += count;
        }
        sum
    });
    let mut dw = vec![0.0; g.cout * g.cin * taps];
    for part in parts {
        for (co, dw) in dw.chunks_exact_mut(g.cin * taps).enumerate() {
            let block = &part[(co / ROWS) * g.cin * taps * ROWS..];
            for (k, dw) in dw.iter_mut().enumerate() {
                *dw += block[k * ROWS + co % ROWS];
            }
        }
    }
    dw
}
