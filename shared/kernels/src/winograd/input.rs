//! The transform of the input's tiles, `B^T d B`.

use super::matrices::{ELEMENTS, INPUTS, MAX_COLUMNS, OUTPUTS, input_transform, transform_2d};
use super::tiling::{Piece, Tiling};
use crate::fused::{InputAffine, apply_prologue};
use crate::geometry::Geometry;
use crate::shuffle::deinterleave4;
use crate::simd::{SLACK, auto_vectorised, dispatch_narrow};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Rows of one channel of an image, padded by one pixel, with columns deinterleaved by four:
/// `[row][column mod 4][column / 4]` of the padded image. The inputs of neighbouring tiles are
/// thereby neighbours in memory.
pub struct DeinterleavedRows(Vec<f32>);

impl DeinterleavedRows {
    /// Distance between the four parts of a row. It is a constant, so that addresses are cheap to
    /// compute.
    const PITCH: usize = MAX_COLUMNS + 8;
    /// Distance between rows.
    const ROW: usize = OUTPUTS * Self::PITCH;

    /// Space for the inputs of so many rows of tiles.
    pub fn new(rows: usize) -> Self {
        Self(vec![0.0; (OUTPUTS * rows + 2) * Self::ROW + SLACK])
    }

    /// Copies the inputs of these rows of tiles from a channel with rows of `width` pixels.
    #[inline(always)]
    pub fn fill(&mut self, channel: &[f32], width: usize, rows: Range<usize>) {
        let mut pixels = channel.chunks_exact(width).skip((OUTPUTS * rows.start).saturating_sub(1));
        let count = OUTPUTS * rows.len() + 2;
        for (y, to) in self.0.chunks_exact_mut(Self::ROW).take(count).enumerate() {
            let row = if rows.start == 0 && y == 0 { None } else { pixels.next() };
            let Some(row) = row else {
                to.fill(0.0);
                continue;
            };
            let (part0, rest) = to.split_at_mut(Self::PITCH);
            let (part1, rest) = rest.split_at_mut(Self::PITCH);
            let (part2, part3) = rest.split_at_mut(Self::PITCH);
            // Pixel 0 is padded column 1; pixel 3 is padded column 4, element 1 of part 0.
            deinterleave4(row, [part1, part2, part3, &mut part0[1..]]);
        }
    }
}

/// `B^T d B` of every tile of some rows of tiles of a channel.
pub struct InputTransform<'a, const PITCH: usize> {
    /// The inputs of the tiles.
    pub inputs: &'a DeinterleavedRows,
    /// Rows of tiles.
    pub rows: usize,
    /// Tiles in a row.
    pub columns: usize,
    /// `[element][PITCH]`, beginning with element 0 of the first tile.
    pub out: &'a mut [f32],
}

impl<const PITCH: usize> WithSimd for InputTransform<'_, PITCH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        assert!(self.columns <= MAX_COLUMNS && lanes <= SLACK);
        assert!(self.out.len() >= (ELEMENTS - 1) * PITCH + self.rows * self.columns + SLACK);
        assert!(self.inputs.0.len() >= (OUTPUTS * self.rows + 2) * DeinterleavedRows::ROW + SLACK);
        let from = self.inputs.0.as_ptr();
        let to = self.out.as_mut_ptr();
        for row in 0..self.rows {
            let mut p = 0;
            while p < self.columns {
                // SAFETY: a row of tiles reads six rows of the image, and a vector at most `lanes +
                // 1` elements past its first tile; the assertions above keep this within `inputs`.
                // The last vector writes less than SLACK elements past the last tile, which `out`
                // covers.
                unsafe {
                    let from = from.add(OUTPUTS * row * DeinterleavedRows::ROW + p);
                    transform_2d::<S, INPUTS, INPUTS, PITCH>(
                        simd,
                        #[inline(always)]
                        |x| input_transform(simd, x),
                        #[inline(always)]
                        |i, j| {
                            from.add(
                                i * DeinterleavedRows::ROW
                                    + j % OUTPUTS * DeinterleavedRows::PITCH
                                    + j / OUTPUTS,
                            )
                        },
                        to.add(row * self.columns + p),
                    );
                }
                p += lanes;
            }
        }
    }
}

/// Buffers for the inputs of a piece.
pub struct InputScratch {
    /// A channel after the prologue.
    channel: Vec<f32>,
    rows: DeinterleavedRows,
}

impl InputScratch {
    /// Space for channels of `size` pixels and so many rows of tiles.
    pub fn new(size: usize, rows: usize) -> Self {
        Self { channel: vec![0.0; size], rows: DeinterleavedRows::new(rows) }
    }
}

/// Transforms the pieces of images `x` after the prologue: `[cin][element][PITCH]`.
#[inline(always)]
pub fn transform_input<const PITCH: usize>(
    g: Geometry,
    pieces: &[Piece],
    x: &[f32],
    prologue: Option<InputAffine>,
    scratch: &mut InputScratch,
    tiles: &mut [f32],
) {
    let tiling = Tiling::new(g);
    let arch = Arch::new();
    let columns = tiling.columns;
    let InputScratch { channel: buffer, rows: inputs } = scratch;
    for (i, piece) in pieces.iter().enumerate() {
        let image = &x[piece.image * g.in_size()..][..g.in_size()];
        for (c, channel) in image.chunks_exact(g.height * g.width).enumerate() {
            auto_vectorised(
                arch,
                #[inline(always)]
                || {
                    let channel = apply_prologue(prologue, c, channel, buffer);
                    inputs.fill(channel, g.width, piece.rows.clone());
                },
            );
            let out = &mut tiles[c * ELEMENTS * PITCH + i * tiling.length(piece)..];
            let rows = piece.rows.len();
            dispatch_narrow(arch, columns, InputTransform::<PITCH> { inputs, rows, columns, out });
        }
    }
}
