//! The convolution of images with transformed kernels.

use super::input::{InputScratch, transform_input};
use super::matrices::{ELEMENTS, OUTPUTS};
use super::output::OutputTransform;
use super::tiling::{Piece, Tiling};
use crate::aligned::Aligned;
use crate::fused::{Epilogue, Fused};
use crate::geometry::Geometry;
use crate::loops::{BLOCK, Offsets, ShiftedProduct};
use crate::par;
use crate::simd::{SLACK, auto_vectorised, dispatch};
use pulp::Arch;
use std::mem::MaybeUninit;

/// Largest number of tiles that are computed together: their intermediate values stay in the
/// second-level cache.
const TILES: usize = 32;

/// Distance between the elements of a tile.
const PITCH: usize = TILES + SLACK;

/// Distance between the channels of transformed tiles.
const CHANNEL_PITCH: usize = ELEMENTS * PITCH;

/// Buffers of one thread.
struct Scratch {
    input: InputScratch,
    /// Transformed tiles, `[cin][element][PITCH]`.
    tiles: Aligned,
    /// Their products with the kernels of a block of output channels, `[BLOCK][element][PITCH]`.
    products: Aligned,
    output: OutputScratch,
}

/// Buffers for one output channel.
struct OutputScratch {
    /// `[pixel of a tile][PITCH]`.
    pixels: Aligned,
    /// The same pixels as rows of an image.
    rows: Vec<f32>,
}

impl Scratch {
    fn new(g: Geometry) -> Self {
        let rows = Tiling::new(g).piece_rows(TILES);
        Self {
            input: InputScratch::new(g.height * g.width, rows),
            tiles: Aligned::new(g.cin * CHANNEL_PITCH + SLACK),
            products: Aligned::new(BLOCK * CHANNEL_PITCH),
            output: OutputScratch {
                pixels: Aligned::new(OUTPUTS * OUTPUTS * PITCH),
                rows: vec![0.0; rows * OUTPUTS * g.width],
            },
        }
    }
}

/// `x [n, cin, h, w]` convolved with kernels from [`pack`](super::weights::pack): `[n, cout, h,
/// w]`.
pub fn convolve(g: Geometry, x: &[f32], packed: &[f32], fused: Fused) -> Vec<f32> {
    let tiling = Tiling::new(g);
    let images = tiling.pieces_together(TILES);
    let offsets: Offsets = (0..g.cin).map(|c| c * CHANNEL_PITCH).collect();
    let work = |scratch: &mut Scratch, chunk: usize, out: &mut [MaybeUninit<f32>]| {
        let first = chunk * images;
        let pieces = tiling.pieces(first..first + out.len() / g.out_size(), TILES);
        for pieces in pieces.chunks(images) {
            let length = pieces.iter().map(|piece| tiling.length(piece)).sum();
            let Scratch { input, tiles, products, output } = scratch;
            transform_input::<PITCH>(g, pieces, x, fused.prologue, input, tiles);
            for (block, packed) in packed.chunks_exact(ELEMENTS * g.cin * BLOCK).enumerate() {
                multiply(g.cin, packed, &offsets, tiles, products, length);
                for r in 0..BLOCK.min(g.cout - block * BLOCK) {
                    let products = &products[r * CHANNEL_PITCH..];
                    let c = block * BLOCK + r;
                    write_channel(g, pieces, products, c, first, fused.epilogue, output, out);
                }
            }
        }
    };
    // SAFETY: the pieces cover every row of every image of a chunk, and the blocks every output
    // channel. `write_channel` writes each of their rows.
    unsafe { par::build(g.n * g.out_size(), images * g.out_size(), || Scratch::new(g), work) }
}

/// The products of `length` tiles with the kernels `[element][cin][BLOCK]` of a block of output
/// channels, one matrix product for each element.
fn multiply(
    cin: usize,
    packed: &[f32],
    offsets: &Offsets,
    tiles: &[f32],
    products: &mut [f32],
    length: usize,
) {
    let arch = Arch::new();
    let pitch = CHANNEL_PITCH;
    for (element, weights) in packed.chunks_exact(cin * BLOCK).enumerate() {
        let input = &tiles[element * PITCH..];
        let out = &mut products[element * PITCH..];
        dispatch(arch, ShiftedProduct { offsets, weights, input, out, pitch, length });
    }
}

/// Transforms the products of output channel `c` to rows of the images, and writes them to `out`,
/// which begins with image `first`.
#[expect(
    clippy::too_many_arguments,
    reason = "a step of `convolve`, which has all of them at hand"
)]
fn write_channel(
    g: Geometry,
    pieces: &[Piece],
    products: &[f32],
    c: usize,
    first: usize,
    epilogue: Epilogue,
    scratch: &mut OutputScratch,
    out: &mut [MaybeUninit<f32>],
) {
    let arch = Arch::new();
    let tiling = Tiling::new(g);
    let OutputScratch { pixels, rows } = scratch;
    let length = pieces.iter().map(|piece| tiling.length(piece)).sum();
    dispatch(arch, OutputTransform::<PITCH> { products, pixels, length });
    auto_vectorised(
        arch,
        #[inline(always)]
        || {
            for (i, piece) in pieces.iter().enumerate() {
                let top = OUTPUTS * piece.rows.start;
                let count = (OUTPUTS * piece.rows.end).min(g.height) - top;
                let rows = &mut rows[..count * g.width];
                tiling.copy_rows::<PITCH>(pixels, i * tiling.length(piece), g.width, rows);
                let at = (piece.image * g.cout + c) * g.height * g.width + top * g.width;
                let to = &mut out[at - first * g.out_size()..][..rows.len()];
                epilogue.write(c, at, rows, to);
            }
        },
    );
}
