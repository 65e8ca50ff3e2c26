//! 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016):
//! a tile of 4x4 outputs costs 36 products instead of 144.
//!
//! `Y = A^T [(G g G^T) * (B^T d B)] A` for a 6x6 tile `d` of the input and a kernel `g`; sums over
//! channels become 36 matrix products, one for each place of the tile.

mod gradient;
mod tiles;
mod weights;

pub use self::gradient::weight_gradient;
use self::tiles::{Enter, Leave, PLACES, SIDE, Spread, WIDEST};
use super::fused::{Before, Fused, seen};
use super::loops::{Offsets, ROWS, Shifted};
use super::par;
use super::planes::{Aligned, Geometry};
use super::shuffle::collect;
use super::simd::{SLACK, dispatch, dispatch_short, plain};
use pulp::Arch;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Tiles computed together, at most: what is made of them stays in the second cache.
const STRIP: usize = 32;

/// Distance between their places.
const PITCH: usize = STRIP + SLACK;

/// Tiles of a call below which transforming the kernels costs more than it saves.
const FEWEST: usize = 64;

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

    /// The pixels `[pixel][PITCH]` of a piece, from its tile `first` on, as rows of this width.
    #[inline(always)]
    fn lay(&self, pixels: &[f32], first: usize, width: usize, rows: &mut [f32]) {
        for (y, row) in rows.chunks_exact_mut(width).enumerate() {
            let at = y % SIDE * SIDE * PITCH + first + y / SIDE * self.columns;
            let run = |x: usize| &pixels[at + x * PITCH..];
            collect([run(0), run(1), run(2), run(3)], row);
        }
    }
}

/// Whether this way is the faster one. The page's first program, which only predicts, does without: a
/// visitor would wait for 14 kB more.
pub fn pays(g: Geometry) -> bool {
    let t = Tiling::new(g);
    let enough = t.tiles() >= SMALLEST && g.n * t.tiles() >= FEWEST && t.columns <= WIDEST;
    let deep = g.cin.min(g.cout) >= ROWS;
    cfg!(feature = "learn") && g.kernel == 3 && g.stride == 1 && enough && deep
}

/// Forward: `x [n, cin, h, w]`, `weight [cout, cin, 3, 3]` -> `[n, cout, h, w]`.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32], fused: Fused) -> Vec<f32> {
    let packed = weights::pack(g.cout, g.cin, |co, ci, tap| weight[(co * g.cin + ci) * 9 + tap]);
    convolve(g, x, &packed, fused)
}

/// Input gradient: the convolution of `dy [n, cout, h, w]` with the kernels turned by half a turn.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let packed =
        weights::pack(g.cin, g.cout, |ci, co, tap| weight[(co * g.cin + ci) * 9 + 8 - tap]);
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
            dispatch_short(arch, columns, Enter::<PITCH> { spread, rows, columns, out });
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
                                let rows = &mut room.rows[..count * g.width];
                                t.lay(&room.pixels, i * t.length(piece), g.width, rows);
                                let c = block * ROWS + r;
                                let at = (piece.image * g.cout + c) * size + first * g.width;
                                let to = &mut out[at - start * g.out_size()..][..rows.len()];
                                fused.after.put(c, at, rows, to);
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
