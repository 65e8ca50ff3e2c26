//! 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016):
//! a tile of 4x4 outputs costs 36 products instead of 144.
//!
//! `Y = A^T [(G g G^T) * (B^T d B)] A` for a 6x6 tile `d` of the input and a kernel `g`; sums over
//! channels become 36 matrix products, one for each place of the tile.

use super::fused::{Before, Fused, seen};
use super::par;
use super::planes::{Aligned, Geometry};
use super::shuffle::collect;
use super::simd::{Correlate, Offsets, ROWS, SLACK, Shifted, dispatch, lanes, plain};
use super::tiles::{
    Enter, Leave, PLACES, Pixels, REACH, SIDE, Spread, WIDEST, Widen, narrow_kernels, widen_kernels,
};
use pulp::Arch;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Tiles computed together, at most: what is made of them stays in the second cache.
const STRIP: usize = 32;

/// Distance between their places.
const PITCH: usize = STRIP + SLACK;

/// Tiles whose weight gradients are summed along vectors before the vectors are summed up, at most.
const RUN: usize = 64;

/// Distance between their places.
const RUN_PITCH: usize = RUN + SLACK;

/// Images whose weight gradients are summed by one task: fixed, so that the order of additions
/// does not depend on the number of threads.
const TASK: usize = 16;

/// Tiles of a call below which transforming the kernels costs more than it saves.
const FEWEST: usize = 16;

/// Tiles of an image below which vectors are mostly empty.
const SMALLEST: usize = 4;

/// How an image falls into tiles: rows and columns of them, the last of which may hang over.
#[derive(Clone, Copy)]
struct Tiling {
    rows: usize,
    columns: usize,
}

/// Some rows of tiles of an image.
struct Piece {
    image: usize,
    rows: Range<usize>,
}

impl Tiling {
    fn new(g: Geometry) -> Self {
        Self { rows: g.height.div_ceil(SIDE), columns: g.width.div_ceil(SIDE) }
    }

    /// Tiles of an image.
    fn tiles(&self) -> usize {
        self.rows * self.columns
    }

    /// Rows of tiles in a piece, where `most` tiles are computed together.
    fn piece(&self, most: usize) -> usize {
        (most / self.columns).clamp(1, self.rows)
    }

    /// Pieces computed together.
    fn together(&self, most: usize) -> usize {
        (most / (self.piece(most) * self.columns)).max(1)
    }

    /// The pieces of these images, in order.
    fn pieces(self, images: Range<usize>, most: usize) -> Vec<Piece> {
        let step = self.piece(most);
        let rows = move |first: usize| first..(first + step).min(self.rows);
        let firsts = move || (0..self.rows).step_by(step);
        images.flat_map(|image| firsts().map(move |y| Piece { image, rows: rows(y) })).collect()
    }

    /// Tiles of a piece.
    fn length(&self, piece: &Piece) -> usize {
        piece.rows.len() * self.columns
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
    let t = Tiling::new(g);
    let enough = t.tiles() >= SMALLEST && g.n * t.tiles() >= FEWEST && t.columns <= WIDEST;
    let deep = g.cin.min(g.cout) >= ROWS;
    g.kernel == 3 && g.stride == 1 && enough && deep && lanes(Arch::new()) <= 4
}

/// Transformed kernels as [`Shifted`] wants them: `[block][place][cin][ROWS]`, zero past `cout`.
fn kernels(cout: usize, cin: usize, weight: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let mut packed = vec![0.0; cout.div_ceil(ROWS) * PLACES * cin * ROWS];
    for (block, packed) in packed.chunks_exact_mut(PLACES * cin * ROWS).enumerate() {
        let rows = ROWS.min(cout - block * ROWS);
        for ci in 0..cin {
            let mut columns = [[[0.0; ROWS]; REACH]; 3];
            for (x, column) in columns.iter_mut().enumerate() {
                let mut g = [[0.0; ROWS]; 3];
                for (y, g) in g.iter_mut().enumerate() {
                    for (r, g) in g[..rows].iter_mut().enumerate() {
                        *g = weight(block * ROWS + r, ci, 3 * y + x);
                    }
                }
                *column = widen_kernels(g);
            }
            for y in 0..REACH {
                let row = widen_kernels([columns[0][y], columns[1][y], columns[2][y]]);
                for (x, values) in row.iter().enumerate() {
                    let at = ((REACH * y + x) * cin + ci) * ROWS;
                    packed[at..at + ROWS].copy_from_slice(values);
                }
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

/// Transforms the pieces of images `x`, seen as in `before`: `[cin][place][pitch]`.
#[inline(always)]
fn enter<const PITCH: usize>(
    g: Geometry,
    pieces: &[Piece],
    x: &[f32],
    before: Before,
    (room, spread): (&mut [f32], &mut Spread),
    tiles: &mut [f32],
) {
    let (t, arch, size) = (Tiling::new(g), Arch::new(), g.height * g.width);
    for (i, piece) in pieces.iter().enumerate() {
        let image = &x[piece.image * g.in_size()..][..g.in_size()];
        for (c, channel) in image.chunks_exact(size).enumerate() {
            plain(
                arch,
                #[inline(always)]
                || spread.fill(seen(before, c, channel, room), g.width, piece.rows.clone()),
            );
            let out = &mut tiles[c * PLACES * PITCH + i * t.length(piece)..];
            let (rows, columns) = (piece.rows.len(), t.columns);
            dispatch(arch, Enter::<PITCH> { spread, rows, columns, out });
        }
    }
}

/// Room of one thread.
struct Scratch {
    /// A channel of an image.
    seen: Vec<f32>,
    spread: Spread,
    /// Transformed tiles, `[cin][place][PITCH]`.
    tiles: Aligned,
    /// Their products with the kernels of a block of output channels, `[ROWS][place][PITCH]`.
    products: Aligned,
    /// Pixels of one output channel, `[pixel][PITCH]`.
    pixels: Aligned,
    /// The same as rows of an image.
    rows: Vec<f32>,
}

fn convolve(g: Geometry, x: &[f32], packed: &[f32], fused: Fused) -> Vec<f32> {
    let t = Tiling::new(g);
    let (images, size) = (t.together(STRIP), g.height * g.width);
    let offsets: Offsets = (0..g.cin).map(|c| c * PLACES * PITCH).collect();
    let arch = Arch::new();
    let scratch = || Scratch {
        seen: vec![0.0; size],
        spread: Spread::new(t.piece(STRIP)),
        tiles: Aligned::new(g.cin * PLACES * PITCH + SLACK),
        products: Aligned::new(ROWS * PLACES * PITCH),
        pixels: Aligned::new(SIDE * SIDE * PITCH),
        rows: vec![0.0; t.piece(STRIP) * SIDE * g.width],
    };
    let work = |room: &mut Scratch, chunk: usize, out: &mut [MaybeUninit<f32>]| {
        let start = chunk * images;
        let pieces = t.pieces(start..start + out.len() / g.out_size(), STRIP);
        for pieces in pieces.chunks(images) {
            let length = pieces.iter().map(|piece| t.length(piece)).sum();
            let way = (&mut room.seen[..], &mut room.spread);
            enter::<PITCH>(g, pieces, x, fused.before, way, &mut room.tiles);
            for (block, packed) in packed.chunks_exact(PLACES * g.cin * ROWS).enumerate() {
                for (place, weights) in packed.chunks_exact(g.cin * ROWS).enumerate() {
                    let (input, out) =
                        (&room.tiles[place * PITCH..], &mut room.products[place * PITCH..]);
                    let pitch = PLACES * PITCH;
                    let offsets = &offsets;
                    dispatch(arch, Shifted { offsets, weights, input, out, pitch, length });
                }
                for r in 0..ROWS.min(g.cout - block * ROWS) {
                    let (products, pixels) =
                        (&room.products[r * PLACES * PITCH..], &mut room.pixels[..]);
                    dispatch(arch, Leave::<PITCH> { products, pixels, length });
                    plain(
                        arch,
                        #[inline(always)]
                        || {
                            for (i, piece) in pieces.iter().enumerate() {
                                let first = SIDE * piece.rows.start;
                                let count = (SIDE * piece.rows.end).min(g.height) - first;
                                for (y, row) in
                                    room.rows.chunks_exact_mut(g.width).take(count).enumerate()
                                {
                                    let at = y % SIDE * SIDE * PITCH
                                        + i * t.length(piece)
                                        + y / SIDE * t.columns;
                                    let run = |x: usize| &room.pixels[at + x * PITCH..];
                                    collect([run(0), run(1), run(2), run(3)], row);
                                }
                                let c = block * ROWS + r;
                                let at = (piece.image * g.cout + c) * size + first * g.width;
                                let from = &room.rows[..count * g.width];
                                let to = &mut out[at - start * g.out_size()..][..from.len()];
                                fused.after.put(c, at, from, to);
                            }
                        },
                    );
                }
            }
        }
    };
    // SAFETY: every row of every output channel of every image is put.
    unsafe { par::build(g.n * g.out_size(), images * g.out_size(), scratch, work) }
}

/// Room of one thread for weight gradients.
struct Room {
    seen: Vec<f32>,
    spread: Spread,
    pixels: Pixels<RUN_PITCH>,
    /// Transformed tiles, `[cin][place][RUN_PITCH]`.
    tiles: Aligned,
    /// Those of their gradients, `[cout][place][RUN_PITCH]`.
    grads: Aligned,
}

/// Weight gradient: `x [n, cin, h, w]`, seen as in `before`, `dy [n, cout, h, w]` ->
/// `[cout, cin, 3, 3]`.
///
/// `dW = G^T [sum over tiles (A y A^T) * (B^T d B)] G`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32], before: Before) -> Vec<f32> {
    let t = Tiling::new(g);
    let (blocks, size) = (g.cout.div_ceil(ROWS), g.height * g.width);
    let pitch = PLACES * RUN_PITCH;
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
            enter::<RUN_PITCH>(g, pieces, x, before, (&mut *seen, &mut *spread), tiles);
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
            for grads in grads.chunks_exact_mut(RUN_PITCH) {
                grads[length..length.next_multiple_of(SLACK)].fill(0.0);
            }
            for (at, out) in sum.chunks_exact_mut(g.cin * ROWS).enumerate() {
                let (block, place) = (at / PLACES, at % PLACES);
                let gradient = &grads[block * ROWS * pitch + place * RUN_PITCH..];
                let input = &tiles[place * RUN_PITCH..];
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
    unpack(g, &total)
}

/// `G^T u G` of sums `[block][place][cin][ROWS]`: `[cout, cin, 3, 3]`.
fn unpack(g: Geometry, sums: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; g.cout * g.cin * 9];
    for (block, sums) in sums.chunks_exact(PLACES * g.cin * ROWS).enumerate() {
        for ci in 0..g.cin {
            let mut columns = [[[0.0; ROWS]; 3]; REACH];
            for (x, column) in columns.iter_mut().enumerate() {
                let mut u = [[0.0; ROWS]; REACH];
                for (y, u) in u.iter_mut().enumerate() {
                    let at = ((REACH * y + x) * g.cin + ci) * ROWS;
                    u.copy_from_slice(&sums[at..at + ROWS]);
                }
                *column = narrow_kernels(u);
            }
            for y in 0..3 {
                let mut row = [[0.0; ROWS]; REACH];
                row.iter_mut().zip(&columns).for_each(|(to, column)| *to = column[y]);
                let row = narrow_kernels(row);
                for r in 0..ROWS.min(g.cout - block * ROWS) {
                    let at = ((block * ROWS + r) * g.cin + ci) * 9 + 3 * y;
                    dw[at..at + 3].copy_from_slice(&[row[0][r], row[1][r], row[2][r]]);
                }
            }
        }
    }
    dw
}
