//! 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3) (Lavin & Gray 2016):
//! a tile of 2x2 outputs costs 16 products instead of 36.
//!
//! `Y = A^T [(G g G^T) * (B^T d B)] A` for a 4x4 tile `d` of the input and a kernel `g`; sums over
//! channels become 16 matrix products, one for each place of the tile. All constants are 0, 1 and
//! 1/2, so rounding grows little (the tests allow what they allow direct sums).

use super::fused::{Before, Fused, seen};
use super::par;
use super::planes::{Aligned, Geometry, LINE, join};
use super::simd::{Correlate, Offsets, ROWS, SLACK, Shifted, dispatch, lanes, plain};
use super::tiles::{Corners, Enter, Leave, Spread, Widen};
use pulp::Arch;
use std::mem::MaybeUninit;

/// Places of a transformed tile.
const PLACES: usize = 16;

/// Tiles computed together, about: what is made of them stays in the first cache.
const STRIP: usize = 32;

/// Tiles whose weight gradients are summed along vectors before the vectors are summed up, about.
const RUN: usize = 256;

/// Images whose weight gradients are summed by one task: fixed, so that the order of additions
/// does not depend on the number of threads.
const TASK: usize = 16;

/// Tiles of a call below which transforming the kernels costs more than it saves.
const FEWEST: usize = 64;

/// Tiles of an image below which vectors are mostly empty.
const SMALLEST: usize = 16;

/// How an image falls into tiles: rows and columns of them, the last of which may hang over.
#[derive(Clone, Copy)]
struct Tiling {
    rows: usize,
    columns: usize,
}

impl Tiling {
    fn new(g: Geometry) -> Self {
        Self { rows: g.height.div_ceil(2), columns: g.width.div_ceil(2) }
    }

    /// Tiles of an image.
    fn tiles(&self) -> usize {
        self.rows * self.columns
    }

    /// Rows of tiles in a strip.
    fn strip(&self) -> usize {
        (STRIP / self.columns).clamp(1, self.rows)
    }

    fn spreads(&self, channels: usize) -> Vec<Spread> {
        (0..channels).map(|_| Spread::new(self.rows, self.columns)).collect()
    }

    /// Pixels of a strip, `[4][pitch]`, as `count` rows of an image of this width.
    #[inline(always)]
    fn lay(&self, pixels: &[f32], pitch: usize, width: usize, count: usize, rows: &mut [f32]) {
        for y in 0..count {
            let from = 2 * (y % 2) * pitch + y / 2 * self.columns;
            let (even, odd) = (&pixels[from..][..self.columns], &pixels[from + pitch..]);
            join(even, odd, &mut rows[y * width..]);
        }
    }
}

/// Whether this way is the faster one. With vectors of eight or more numbers and one operation for a
/// product and a sum it is not: direct sums then run at the processor's peak, and what is saved
/// goes into the transformations. The page's first program, which only predicts, does without: a
/// visitor would wait for 14 kB more.
pub fn pays(g: Geometry) -> bool {
    if !cfg!(feature = "learn") {
        return false;
    }
    let tiles = Tiling::new(g).tiles();
    let enough = tiles >= SMALLEST && g.n * tiles >= FEWEST && g.cin.min(g.cout) >= ROWS;
    g.kernel == 3 && g.stride == 1 && enough && lanes(Arch::new()) <= 4
}

/// `G g` along one direction: 3 numbers become 4.
fn widen(g: [f32; 3]) -> [f32; 4] {
    let (even, odd) = (0.5 * (g[0] + g[2]), 0.5 * g[1]);
    [g[0], even + odd, even - odd, g[2]]
}

/// `G^T u` along one direction: 4 numbers become 3.
fn narrow(u: [f32; 4]) -> [f32; 3] {
    let (sum, difference) = (0.5 * (u[1] + u[2]), 0.5 * (u[1] - u[2]));
    [u[0] + sum, difference, sum + u[3]]
}

/// Transformed kernels as [`Shifted`] wants them: `[block][place][cin][ROWS]`, zero past `cout`.
fn kernels(cout: usize, cin: usize, weight: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let mut packed = vec![0.0; cout.div_ceil(ROWS) * PLACES * cin * ROWS];
    for (co, ci) in (0..cout).flat_map(|co| (0..cin).map(move |ci| (co, ci))) {
        let columns: [[f32; 4]; 3] =
            std::array::from_fn(|x| widen(std::array::from_fn(|y| weight(co, ci, 3 * y + x))));
        #[expect(clippy::needless_range_loop, reason = "rows of columns")]
        for y in 0..4 {
            let row = widen(std::array::from_fn(|x| columns[x][y]));
            for (x, value) in row.into_iter().enumerate() {
                let place = (co / ROWS) * PLACES + 4 * y + x;
                packed[(place * cin + ci) * ROWS + co % ROWS] = value;
            }
        }
    }
    packed
}

/// Forward: `x [n, cin, h, w]`, `weight [cout, cin, 3, 3]` -> `[n, cout, h, w]`.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    let packed = kernels(g.cout, g.cin, |co, ci, tap| weight[(co * g.cin + ci) * 9 + tap]);
    convolve(g, x, &packed, fused)
}

/// Input gradient: the convolution of `dy [n, cout, h, w]` with the kernels turned by half a turn.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let packed = kernels(g.cin, g.cout, |ci, co, tap| weight[(co * g.cin + ci) * 9 + 8 - tap]);
    convolve(Geometry { cin: g.cout, cout: g.cin, ..g }, dy, &packed, Fused::default())
}

/// Parts the columns of every channel of an image, seen as in `before`.
#[inline(always)]
fn spread(g: Geometry, image: &[f32], before: Before, spreads: &mut [Spread], room: &mut [f32]) {
    for (c, (channel, spread)) in image.chunks_exact(g.height * g.width).zip(spreads).enumerate() {
        spread.fill(seen(before, c, channel, room), g.width);
    }
}

/// Room of one thread.
struct Scratch {
    /// A channel of an image.
    seen: Vec<f32>,
    /// Every one of them.
    spreads: Vec<Spread>,
    /// Transformed tiles of a strip, `[place][cin][pitch]` and slack.
    tiles: Aligned,
    /// Their products with the kernels of a block of output channels, `[place][ROWS][pitch]`.
    products: Aligned,
    /// Pixels of one output channel, `[4][pitch]`.
    pixels: Aligned,
    /// The same as rows of an image.
    rows: Vec<f32>,
}

fn convolve(g: Geometry, x: &[f32], packed: &[f32], fused: Fused) -> Vec<f32> {
    let t = Tiling::new(g);
    let (strip, size, columns) = (t.strip(), g.height * g.width, t.columns);
    let pitch = (strip * columns).next_multiple_of(LINE);
    // A vector may be written past the last tile of a channel: over the next, or into the slack.
    let distance = g.cin * pitch + SLACK;
    let offsets: Offsets = (0..g.cin).map(|c| c * pitch).collect();
    let arch = Arch::new();
    let scratch = || Scratch {
        seen: vec![0.0; size],
        spreads: t.spreads(g.cin),
        tiles: Aligned::new(PLACES * distance + SLACK),
        products: Aligned::new(PLACES * ROWS * pitch),
        pixels: Aligned::new(4 * pitch),
        rows: vec![0.0; 4 * strip * columns + 1],
    };
    let work = |room: &mut Scratch, n: usize, out: &mut [MaybeUninit<f32>]| {
        let image = &x[n * g.in_size()..][..g.in_size()];
        plain(
            arch,
            #[inline(always)]
            || spread(g, image, fused.before, &mut room.spreads, &mut room.seen),
        );
        for first in (0..t.rows).step_by(strip) {
            let rows = first..(first + strip).min(t.rows);
            let length = rows.len() * columns;
            for (c, spread) in room.spreads.iter().enumerate() {
                let (rows, out) = (rows.clone(), &mut room.tiles[c * pitch..]);
                dispatch(arch, Enter { spread, rows, out, distance });
            }
            for (block, packed) in packed.chunks_exact(PLACES * g.cin * ROWS).enumerate() {
                for (place, weights) in packed.chunks_exact(g.cin * ROWS).enumerate() {
                    let input = &room.tiles[place * distance..];
                    let out = &mut room.products[place * ROWS * pitch..][..ROWS * pitch];
                    dispatch(
                        arch,
                        Shifted { offsets: &offsets, weights, input, out, pitch, length },
                    );
                }
                for r in 0..ROWS.min(g.cout - block * ROWS) {
                    let (products, pixels) = (&room.products[r * pitch..], &mut room.pixels[..]);
                    dispatch(
                        arch,
                        Leave { products, distance: ROWS * pitch, pixels, pitch, length },
                    );
                    let c = block * ROWS + r;
                    let at = c * size + 2 * first * g.width;
                    let count = (2 * rows.end).min(g.height) - 2 * first;
                    let to = &mut out[at..at + count * g.width];
                    plain(
                        arch,
                        #[inline(always)]
                        || {
                            t.lay(&room.pixels, pitch, g.width, count, &mut room.rows);
                            let from = &room.rows[..count * g.width];
                            fused.after.put(c, n * g.out_size() + at, from, to);
                        },
                    );
                }
            }
        }
    };
    // SAFETY: every row of every output channel of every image is put.
    unsafe { par::build(g.n * g.out_size(), g.out_size(), scratch, work) }
}

/// Room of one thread for weight gradients.
struct Room {
    seen: Vec<f32>,
    spreads: Vec<Spread>,
    corners: Corners,
    /// Transformed tiles of a run of images, `[place][cin][pitch]`.
    tiles: Aligned,
    /// Those of their gradients, `[place][cout][pitch]`.
    grads: Aligned,
}

/// Weight gradient: `x [n, cin, h, w]`, seen as in `before`, `dy [n, cout, h, w]` ->
/// `[cout, cin, 3, 3]`.
///
/// `dW = G^T [sum over tiles (A y A^T) * (B^T d B)] G`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32], before: Before) -> Vec<f32> {
    let t = Tiling::new(g);
    let images = (RUN / t.tiles()).clamp(1, TASK);
    let pitch = (images * t.tiles() + SLACK).next_multiple_of(LINE);
    let (blocks, size) = (g.cout.div_ceil(ROWS), g.height * g.width);
    let offsets: Offsets = (0..g.cin).map(|c| c * pitch).collect();
    let arch = Arch::new();
    let scratch = || Room {
        seen: vec![0.0; size],
        spreads: t.spreads(g.cin),
        corners: Corners::new(t.rows, t.columns),
        tiles: Aligned::new(PLACES * g.cin * pitch),
        grads: Aligned::new(PLACES * blocks * ROWS * pitch),
    };
    let parts = par::map(g.n.div_ceil(TASK), scratch, |room, part| {
        let Room { seen, spreads, corners, tiles, grads } = room;
        // `[block][place][cin][ROWS]`.
        let mut sum = vec![0.0; blocks * PLACES * g.cin * ROWS];
        let (mut n, end) = (part * TASK, g.n.min((part + 1) * TASK));
        while n < end {
            let count = images.min(end - n);
            let length = count * t.tiles();
            for i in 0..count {
                let image = &x[(n + i) * g.in_size()..][..g.in_size()];
                plain(
                    arch,
                    #[inline(always)]
                    || spread(g, image, before, spreads, seen),
                );
                for (c, spread) in spreads.iter().enumerate() {
                    let out = &mut tiles[c * pitch + i * t.tiles()..];
                    dispatch(arch, Enter { spread, rows: 0..t.rows, out, distance: g.cin * pitch });
                }
                let dy = &dy[(n + i) * g.out_size()..][..g.out_size()];
                for (c, channel) in dy.chunks_exact(size).enumerate() {
                    plain(
                        arch,
                        #[inline(always)]
                        || corners.fill(channel, g.width),
                    );
                    let (corners, out) = (&*corners, &mut grads[c * pitch + i * t.tiles()..]);
                    dispatch(arch, Widen { corners, out, distance: blocks * ROWS * pitch });
                }
            }
            if count < images || !length.is_multiple_of(SLACK) {
                // Past the last tile is what a vector or the run before has left.
                grads.chunks_exact_mut(pitch).for_each(|grads| grads[length..].fill(0.0));
            }
            for (at, out) in sum.chunks_exact_mut(g.cin * ROWS).enumerate() {
                let (block, place) = (at / PLACES, at % PLACES);
                let gradient = &grads[(place * blocks + block) * ROWS * pitch..][..ROWS * pitch];
                let input = &tiles[place * g.cin * pitch..][..g.cin * pitch];
                dispatch(
                    arch,
                    Correlate { offsets: &offsets, input, gradient, pitch, length, out },
                );
            }
            n += count;
        }
        sum
    });
    let mut total = vec![0.0; blocks * PLACES * g.cin * ROWS];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    unpack(g, &total)
}

/// `G^T u G` of sums `[block][place][cin][ROWS]`: `[cout, cin, 3, 3]`.
fn unpack(g: Geometry, sums: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; g.cout * g.cin * 9];
    for (k, dw) in dw.chunks_exact_mut(9).enumerate() {
        let (co, ci) = (k / g.cin, k % g.cin);
        let at =
            |place: usize| sums[(((co / ROWS) * PLACES + place) * g.cin + ci) * ROWS + co % ROWS];
        let columns: [[f32; 3]; 4] =
            std::array::from_fn(|x| narrow(std::array::from_fn(|y| at(4 * y + x))));
        for y in 0..3 {
            let row = narrow(std::array::from_fn(|x| columns[x][y]));
            dw[3 * y..3 * y + 3].copy_from_slice(&row);
        }
    }
    dw
}
