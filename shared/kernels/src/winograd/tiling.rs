//! The division of images into tiles, and of tiles into pieces of work.

use super::matrices::OUTPUTS;
use crate::geometry::Geometry;
use std::ops::Range;

/// Rows and columns of tiles in an image. The last ones may reach past the image.
#[derive(Clone, Copy)]
pub struct Tiling {
    /// Rows of tiles.
    pub rows: usize,
    /// Tiles in a row.
    pub columns: usize,
}

/// Adjacent rows of tiles of an image.
pub struct Piece {
    /// Index of the image in the batch.
    pub image: usize,
    /// Rows of tiles.
    pub rows: Range<usize>,
}

impl Tiling {
    /// The tiles of an image of this height and width.
    pub fn new(g: Geometry) -> Self {
        Self { rows: g.height.div_ceil(OUTPUTS), columns: g.width.div_ceil(OUTPUTS) }
    }

    /// Tiles of an image.
    pub fn tiles(&self) -> usize {
        self.rows * self.columns
    }

    /// Rows of tiles in a piece, if at most `limit` tiles are computed together.
    pub fn piece_rows(&self, limit: usize) -> usize {
        (limit / self.columns).clamp(1, self.rows)
    }

    /// Pieces that are computed together. It is above 1 only if a piece is a whole image, so pieces
    /// that are computed together have the same length.
    pub fn pieces_together(&self, limit: usize) -> usize {
        (limit / (self.piece_rows(limit) * self.columns)).max(1)
    }

    /// The pieces of these images, in order.
    pub fn pieces(&self, images: Range<usize>, limit: usize) -> Vec<Piece> {
        let step = self.piece_rows(limit);
        let mut pieces = Vec::new();
        for image in images {
            for first in (0..self.rows).step_by(step) {
                pieces.push(Piece { image, rows: first..(first + step).min(self.rows) });
            }
        }
        pieces
    }

    /// Tiles of a piece.
    pub fn length(&self, piece: &Piece) -> usize {
        piece.rows.len() * self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_each_row_once_and_those_together_are_equally_long() {
        for (rows, columns) in [(1, 1), (2, 2), (3, 7), (8, 8), (9, 32), (5, 17), (40, 3)] {
            let tiling = Tiling { rows, columns };
            for limit in [32, 64] {
                let pieces = tiling.pieces(3..6, limit);
                let all = pieces.iter().flat_map(|p| p.rows.clone().map(move |y| (p.image, y)));
                let expected = (3..6).flat_map(|image| (0..rows).map(move |y| (image, y)));
                assert!(all.eq(expected));
                for together in pieces.chunks(tiling.pieces_together(limit)) {
                    let length = tiling.length(&together[0]);
                    assert!(together.iter().all(|piece| tiling.length(piece) == length));
                    assert!(length * together.len() <= limit);
                }
            }
        }
    }
}
