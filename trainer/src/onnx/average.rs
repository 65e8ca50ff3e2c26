//! Adaptive average pooling as matrices, because ONNX has no such operation.

use unstamp_shared::model::pooling;
use unstamp_shared::model::weights::Array;

/// The share of every pixel in every cell along one side, `[cells, pixels]`.
pub(super) fn shares(cells: usize, pixels: usize) -> Array {
    Array { shape: vec![cells, pixels], values: pooling::shares(cells, pixels) }
}

/// The matrix with rows and columns exchanged.
pub(super) fn transposed(matrix: &Array) -> Array {
    let [rows, columns] = matrix.shape[..] else { return matrix.clone() };
    let place = |i: usize| (i % rows) * columns + i / rows;
    let values = (0..rows * columns).map(|i| matrix.values[place(i)]).collect();
    Array { shape: vec![columns, rows], values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_share_pixels() {
        let large = shares(2, 5);
        let third = 1.0 / 3.0;
        let rows = [third, third, third, 0.0, 0.0, 0.0, 0.0, third, third, third];
        assert_eq!(large, Array { shape: vec![2, 5], values: rows.to_vec() });
        // Fewer pixels than cells: they are repeated, and the middle cell lies on both.
        let small = shares(3, 2);
        assert_eq!(small.values, [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        assert_eq!(shares(7, 1).values, [1.0; 7]);
        let turned = transposed(&small);
        assert_eq!(turned, Array { shape: vec![2, 3], values: vec![1.0, 0.5, 0.0, 0.0, 0.5, 1.0] });
    }
}
