//! Patches over images.

use super::Recovered;
use burn::tensor::{Device, Tensor, TensorData};
use unstamp_data::seed::Stream;

/// Where patches lie and how large they are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// In pixels.
    pub side: usize,
    /// Upper left corner; `None`: anywhere, anew for every image.
    pub at: Option<[usize; 2]>,
}

impl Place {
    /// Numbers of a patch.
    pub fn size(&self) -> usize {
        3 * self.side * self.side
    }

    /// A place in an image of this size.
    fn corner(&self, [width, height]: [usize; 2], random: &mut Stream) -> [usize; 2] {
        let most = [width - self.side, height - self.side];
        match self.at {
            Some([x, y]) => [x.min(most[0]), y.min(most[1])],
            None => most.map(|most| random.below(most + 1)),
        }
    }
}

/// Some of the recovered patches, `[n, 3, side, side]`.
pub fn chosen(found: &Recovered, chosen: &[usize], device: &Device) -> Tensor<4> {
    let size = found.place.size();
    let values = chosen.iter().flat_map(|i| &found.patches.values[i * size..(i + 1) * size]);
    let data = TensorData::new(values.copied().collect(), [chosen.len(), size]);
    let side = found.place.side;
    Tensor::<2>::from_data(data, device).reshape([chosen.len(), 3, side, side])
}

/// Lays a patch `[n, 3, side, side]` over every image that is `stamped` (`None`: all), each at its
/// place. Differentiable in the patches.
///
/// A patch is moved to its place by two matrices of zeros and ones, `[h, side]` and `[side, w]`, the
/// same for its three colours.
pub fn pasted(
    images: &Tensor<4>,
    patches: Tensor<4>,
    place: Place,
    stamped: Option<&[bool]>,
    random: &mut Stream,
) -> Tensor<4> {
    let ([n, _, h, w], side) = (images.dims(), place.side);
    let (mut rows, mut columns) = (vec![0f32; n * 3 * h * side], vec![0f32; n * 3 * side * w]);
    for i in 0..n {
        let [left, top] = place.corner([w, h], random);
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
