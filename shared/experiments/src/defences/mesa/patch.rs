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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use unstamp_data::seed::Seed;
    use unstamp_networks::model::weights::Array;

    fn random() -> Stream {
        Seed(0).stream("patch", &[])
    }

    #[test]
    fn a_corner_outside_is_moved_inside() {
        let at = |at| corner(PatchPosition { side: 3, at: Some(at) }, [32, 16], &mut random());
        assert_eq!([at([0, 0]), at([29, 13]), at([31, 15])], [[0, 0], [29, 13], [29, 13]]);
        let larger = PatchPosition { side: 20, at: None };
        assert_eq!(corner(larger, [4, 16], &mut random()), [0, 0]);
    }

    #[test]
    fn random_corners_reach_both_edges() {
        let random = &mut random();
        let position = PatchPosition { side: 3, at: None };
        let corners: Vec<_> = (0..100).map(|_| corner(position, [5, 4], random)).collect();
        let [columns, rows] = [0, 1].map(|axis| corners.iter().map(move |corner| corner[axis]));
        assert_eq!((columns.clone().min(), columns.max()), (Some(0), Some(2)));
        assert_eq!((rows.clone().min(), rows.max()), (Some(0), Some(1)));
    }

    /// A patch of one pixel in column 2, row 1 of an image of 3x2 pixels.
    #[test]
    fn a_patch_replaces_the_pixels_under_it() {
        let device = Device::flex();
        let images = Tensor::<4>::ones([1, 3, 2, 3], &device) * 0.5;
        let patch = || Tensor::<1>::from_floats([0.1, 0.2, 0.3], &device).reshape([1, 3, 1, 1]);
        let position = PatchPosition { side: 1, at: Some([2, 1]) };
        let mut wanted = vec![0.5; 18];
        for (colour, value) in [0.1, 0.2, 0.3].into_iter().enumerate() {
            wanted[6 * colour + 5] = value;
        }
        let stamped = pasted(&images, patch(), position, None, &mut random());
        assert_eq!(values(stamped), wanted);
        let plain = pasted(&images, patch(), position, Some(&[false]), &mut random());
        assert_eq!(values(plain), [0.5; 18]);
    }

    #[test]
    fn positions_do_not_depend_on_the_images_that_are_stamped() {
        let device = Device::flex();
        let images = Tensor::<4>::zeros([2, 3, 8, 8], &device);
        let patches = || Tensor::<4>::ones([2, 3, 2, 2], &device);
        let position = PatchPosition { side: 2, at: None };
        let pasted = |stamped: Option<&[bool]>| {
            values(pasted(&images, patches(), position, stamped, &mut random()))
        };
        assert_eq!(pasted(None)[192..], pasted(Some(&[false, true]))[192..]);
    }

    #[test]
    fn patches_are_chosen_by_index() {
        let position = PatchPosition { side: 1, at: None };
        let patches = Array { shape: vec![2, 3], values: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5] };
        let found = RecoveredTriggers { target: 0, position, patches };
        let patches = chosen(&found, &[1, 0, 1], &Device::flex());
        assert_eq!(patches.dims(), [3, 3, 1, 1]);
        assert_eq!(values(patches), [0.3, 0.4, 0.5, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
    }
}
