//! Patches on images.

use crate::job::{PatchPosition, RecoveredTriggers};
use burn::tensor::{Device, Tensor, TensorData};
use unstamp_data::seed::Stream;

/// Upper left corner of a patch in an image of `[width, height]`: the given one, moved inside if
/// necessary, or a random one.
fn corner(position: PatchPosition, size: [usize; 2], random: &mut Stream) -> [usize; 2] {
    let most = size.map(|side| side.saturating_sub(position.side));
    match position.at {
        Some([x, y]) => [x.min(most[0]), y.min(most[1])],
        None => most.map(|most| random.below(most + 1)),
    }
}

/// The recovered patches at `indices`, `[n, 3, side, side]`.
pub fn chosen(found: &RecoveredTriggers, indices: &[usize], device: &Device) -> Tensor<4> {
    let size = found.position.size();
    let side = found.position.side;
    let values = indices.iter().flat_map(|i| &found.patches.values[i * size..(i + 1) * size]);
    let data = TensorData::new(values.copied().collect(), [indices.len(), size]);
    Tensor::<2>::from_data(data, device).reshape([indices.len(), 3, side, side])
}

/// Puts a patch `[n, 3, side, side]` on every image `[n, 3, h, w]` that is `stamped` (`None`: on
/// all), each at its position. Differentiable in the patches.
///
/// Two matrices of zeros and ones, `[h, side]` and `[side, w]`, move a patch to its position; they
/// are the same for its three colours.
pub fn pasted(
    images: &Tensor<4>,
    patches: Tensor<4>,
    position: PatchPosition,
    stamped: Option<&[bool]>,
    random: &mut Stream,
) -> Tensor<4> {
    let [n, _, h, w] = images.dims();
    let side = position.side;
    let mut rows = vec![0f32; n * 3 * h * side];
    let mut columns = vec![0f32; n * 3 * side * w];
    for i in 0..n {
        // Drawn for every image, so that the stream does not depend on which ones are stamped.
        let [left, top] = corner(position, [w, h], random);
        if stamped.is_some_and(|stamped| !stamped[i]) {
            continue;
        }
        for (colour, k) in (3 * i..3 * i + 3).flat_map(|c| (0..side).map(move |k| (c, k))) {
            rows[(colour * h + top + k) * side + k] = 1.0;
            columns[(colour * side + k) * w + left + k] = 1.0;
        }
    }
    let device = images.device();
    let rows = Tensor::<4>::from_data(TensorData::new(rows, [n, 3, h, side]), &device);
    let columns = Tensor::<4>::from_data(TensorData::new(columns, [n, 3, side, w]), &device);
    let inside = rows.clone().sum_dim(3) * columns.clone().sum_dim(2);
    let moved = rows.matmul(patches).matmul(columns);
    images.clone() * (-inside + 1.0) + moved
}
