//! Convolutions as sums of shifted views.
//!
//! An image is copied once into zero-padded planes, one per phase of the stride, whose rows
//! follow each other without a gap. Every tap of the kernel is then the same flat vector read
//! from another offset, so forward, input gradient and weight gradient are two short loops
//! ([`Shifted`], [`Correlate`]) and no im2col matrix is ever built.

use super::par;
use super::simd::{Correlate, ROWS, SLACK, Shifted};
use pulp::Arch;

/// Shape of a convolution: batch `n`, `cin` channels of `height x width`, `cout` square kernels
/// of side `kernel`, zero padding `(kernel - 1) / 2`.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub n: usize,
    pub cin: usize,
    pub cout: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl Geometry {
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    fn pad(&self) -> usize {
        (self.kernel - 1) / 2
    }

    /// Extra rows and columns of a phase plane beyond the output's.
    fn extra(&self) -> usize {
        (self.kernel - 1) / self.stride
    }

    fn pitch(&self) -> usize {
        self.out_width() + self.extra()
    }

    /// Length of the flat grid on which outputs are computed.
    fn grid(&self) -> usize {
        self.out_height() * self.pitch()
    }

    /// Length of one padded phase plane.
    fn plane(&self) -> usize {
        (self.out_height() + self.extra()) * self.pitch()
    }

    /// Length of one image in padded planes, readable past its end.
    fn planes(&self) -> usize {
        self.cin * self.stride * self.stride * self.plane() + self.extra() + SLACK
    }

    fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Offset of tap `(ky, kx)` within one channel's phase planes.
    fn tap(&self, t: usize) -> usize {
        let (ky, kx, s) = (t / self.kernel, t % self.kernel, self.stride);
        ((ky % s) * s + kx % s) * self.plane() + (ky / s) * self.pitch() + kx / s
    }

    /// Copies one image `[cin, height, width]` into padded phase planes (already zero).
    fn spread(&self, image: &[f32], planes: &mut [f32]) {
        let (s, pad, pitch) = (self.stride, self.pad(), self.pitch());
        for (c, channel) in image.chunks_exact(self.height * self.width).enumerate() {
            for (y, row) in channel.chunks_exact(self.width).enumerate() {
                let py = y + pad;
                if py / s >= self.out_height() + self.extra() {
                    continue;
                }
                if s == 1 {
                    let start = c * self.plane() + py * pitch + pad;
                    planes[start..start + self.width].copy_from_slice(row);
                    continue;
                }
                let base = (c * s * s + (py % s) * s) * self.plane() + (py / s) * pitch;
                for (x, &value) in row.iter().enumerate() {
                    let px = x + pad;
                    if px / s < pitch {
                        planes[base + (px % s) * self.plane() + px / s] = value;
                    }
                }
            }
        }
    }

    /// Copies `[cout, oh, ow]` onto the flat grid, `[cout][pitch]` long rows of `lead` zeros.
    fn lay(&self, gradient: &[f32], grid: &mut [f32], lead: usize, pitch: usize) {
        let (ow, oh) = (self.out_width(), self.out_height());
        for (c, channel) in gradient.chunks_exact(oh * ow).enumerate() {
            for (y, row) in channel.chunks_exact(ow).enumerate() {
                let start = c * pitch + lead * self.pitch() + y * self.pitch() + lead;
                grid[start..start + ow].copy_from_slice(row);
            }
        }
    }
}

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

/// Forward: `x [n, cin, h, w]`, `weight [cout, cin, k, k]` -> `[n, cout, oh, ow]`.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let (oh, ow, taps, ks) = (g.out_height(), g.out_width(), g.taps(), g.cin * g.taps());
    let channel = g.stride * g.stride * g.plane();
    let offsets: Vec<usize> = (0..ks).map(|k| (k / taps) * channel + g.tap(k % taps)).collect();
    let packed = pack(g.cout, ks, |r, k| weight[r * ks + k]);
    let pitch = g.grid() + SLACK;
    let arch = Arch::new();
    let mut out = vec![0.0; g.n * g.cout * oh * ow];
    par::chunks(&mut out, g.cout * oh * ow, |n, out| {
        let mut planes = vec![0.0; g.planes()];
        g.spread(&x[n * g.cin * g.height * g.width..][..g.cin * g.height * g.width], &mut planes);
        let mut grid = vec![0.0; ROWS * pitch];
        for (block, out) in out.chunks_mut(ROWS * oh * ow).enumerate() {
            arch.dispatch(Shifted {
                offsets: &offsets,
                weights: &packed[block * ks * ROWS..][..ks * ROWS],
                input: &planes,
                out: &mut grid,
                pitch,
                length: g.grid(),
            });
            for (r, out) in out.chunks_exact_mut(oh * ow).enumerate() {
                for (y, row) in out.chunks_exact_mut(ow).enumerate() {
                    row.copy_from_slice(&grid[r * pitch + y * g.pitch()..][..ow]);
                }
            }
        }
    });
    out
}

/// One phase of the input gradient: which rows of the padded input it fills, and from which taps.
struct Phase {
    first: (usize, usize),
    size: (usize, usize),
    origin: (usize, usize),
    taps: Vec<usize>,
}

fn phases(g: &Geometry) -> Vec<Phase> {
    let (s, pad) = (g.stride, g.pad());
    // First phase row (or column) whose padded coordinate s*q + a is inside the image.
    let start = |a: usize| pad.saturating_sub(a).div_ceil(s);
    let mut phases = Vec::new();
    for a in 0..s {
        for b in 0..s {
            let (qy, qx) = (start(a), start(b));
            let origin = (s * qy + a - pad, s * qx + b - pad);
            if origin.0 >= g.height || origin.1 >= g.width {
                continue;
            }
            phases.push(Phase {
                first: (qy, qx),
                size: ((g.height - origin.0).div_ceil(s), (g.width - origin.1).div_ceil(s)),
                origin,
                taps: (0..g.taps())
                    .filter(|t| (t / g.kernel) % s == a && (t % g.kernel) % s == b)
                    .collect(),
            });
        }
    }
    phases
}

/// Input gradient: `dy [n, cout, oh, ow]`, `weight [cout, cin, k, k]` -> `[n, cin, h, w]`.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let (s, e, taps, row) = (g.stride, g.extra(), g.taps(), g.pitch());
    // dy with `e` zero rows before and after; the left zeros of a row are the right ones of the last.
    let plane = (g.out_height() + 2 * e + 1) * row;
    let plans: Vec<_> = phases(&g)
        .into_iter()
        .map(|phase| {
            let ks = g.cout * phase.taps.len();
            let offsets: Vec<usize> = (0..ks)
                .map(|k| {
                    let t = phase.taps[k % phase.taps.len()];
                    let (ky, kx) = (t / g.kernel / s, t % g.kernel / s);
                    (k / phase.taps.len()) * plane + (phase.first.0 + e - ky) * row + e - kx
                })
                .collect();
            let packed = pack(g.cin, ks, |ci, k| {
                let (co, t) = (k / phase.taps.len(), phase.taps[k % phase.taps.len()]);
                weight[(co * g.cin + ci) * taps + t]
            });
            (phase, offsets, packed)
        })
        .collect();
    let arch = Arch::new();
    let (size, oh_ow) = (g.height * g.width, g.out_height() * g.out_width());
    let mut dx = vec![0.0; g.n * g.cin * size];
    par::chunks(&mut dx, g.cin * size, |n, dx| {
        let mut padded = vec![0.0; g.cout * plane + row + SLACK];
        g.lay(&dy[n * g.cout * oh_ow..][..g.cout * oh_ow], &mut padded, e, plane);
        let mut grid = vec![0.0; ROWS * (plane + SLACK)];
        for (phase, offsets, packed) in &plans {
            let (length, pitch) = (phase.size.0 * row, plane + SLACK);
            for (block, dx) in dx.chunks_mut(ROWS * size).enumerate() {
                arch.dispatch(Shifted {
                    offsets,
                    weights: &packed[block * offsets.len() * ROWS..][..offsets.len() * ROWS],
                    input: &padded,
                    out: &mut grid,
                    pitch,
                    length,
                });
                for (r, dx) in dx.chunks_exact_mut(size).enumerate() {
                    for y in 0..phase.size.0 {
                        let from = &grid[r * pitch + y * row + phase.first.1..];
                        let to = &mut dx[(phase.origin.0 + s * y) * g.width + phase.origin.1..];
                        if s == 1 {
                            to[..phase.size.1].copy_from_slice(&from[..phase.size.1]);
                        } else {
                            for x in 0..phase.size.1 {
                                to[s * x] = from[x];
                            }
                        }
                    }
                }
            }
        }
    });
    dx
}

/// Images whose weight gradients are summed by one task: fixed, so that the order of additions
/// does not depend on the number of threads.
const TASK: usize = 8;

/// Weight gradient: `x [n, cin, h, w]`, `dy [n, cout, oh, ow]` -> `[cout, cin, k, k]`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (taps, blocks) = (g.taps(), g.cout.div_ceil(ROWS));
    let (in_size, out_size) = (g.cin * g.height * g.width, g.cout * g.out_height() * g.out_width());
    let channel = g.stride * g.stride * g.plane();
    let offsets: Vec<Vec<usize>> =
        (0..g.cin).map(|c| (0..taps).map(|t| c * channel + g.tap(t)).collect()).collect();
    let pitch = g.grid() + SLACK;
    let arch = Arch::new();
    let parts = par::map(g.n.div_ceil(TASK), |task| {
        let mut sum = vec![0.0; blocks * g.cin * taps * ROWS];
        let mut planes = vec![0.0; g.planes()];
        let mut grid = vec![0.0; blocks * ROWS * pitch];
        for n in task * TASK..g.n.min((task + 1) * TASK) {
            g.spread(&x[n * in_size..][..in_size], &mut planes);
            g.lay(&dy[n * out_size..][..out_size], &mut grid, 0, pitch);
            for (block, sum) in sum.chunks_exact_mut(g.cin * taps * ROWS).enumerate() {
                for (offsets, out) in offsets.iter().zip(sum.chunks_exact_mut(taps * ROWS)) {
                    arch.dispatch(Correlate {
                        offsets,
                        input: &planes,
                        gradient: &grid[block * ROWS * pitch..][..ROWS * pitch],
                        pitch,
                        length: g.grid(),
                        out,
                    });
                }
            }
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
