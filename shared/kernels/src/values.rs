//! The numbers of tensors of the CPU backend.

use crate::layout;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, TensorData};

type T = FloatTensor<Flex>;

/// Calls `work` with the tensor's numbers. They are copied only if the tensor is a view.
pub fn with_values<R>(t: &T, work: impl FnOnce(&[f32]) -> R) -> R {
    match t.as_slice::<f32>() {
        Some(slice) => work(slice),
        None => work(t.to_contiguous().as_slice::<f32>().expect("the kernels need f32")),
    }
}

/// A copy of the numbers of `t`, one for each of `channels` channels.
pub fn channel_values(t: &T, channels: usize) -> Vec<f32> {
    assert_eq!(t.shape().num_elements(), channels, "one number for each of {channels} channels");
    with_values(t, <[f32]>::to_vec)
}

/// The tensor's numbers. They are copied only if another tensor shares them.
pub fn into_values(t: T) -> Vec<f32> {
    t.into_data().try_into_vec().expect("the kernels need f32")
}

/// A tensor of these numbers.
pub fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> T {
    T::from_data(TensorData::new(values, shape))
}

/// A tensor of another shape, whose matrices `[rows, columns]` are transposed.
pub fn transposed(t: T, [rows, columns]: [usize; 2], shape: [usize; 4]) -> T {
    let values = match (rows, columns) {
        // The order of the numbers is the same.
        (..=1, _) | (_, ..=1) => into_values(t),
        _ => with_values(&t, |values| layout::transposed(values, [rows, columns])),
    };
    tensor(values, shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::ops::FloatTensorOps;

    #[test]
    fn a_view_is_read_in_its_own_order() {
        let view = Flex::float_swap_dims(tensor(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]), 0, 1);
        assert_eq!(with_values(&view, <[f32]>::to_vec), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(into_values(view), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn matrices_are_transposed_unless_they_are_vectors() {
        let x = || tensor(vec![1.0, 2.0, 3.0, 4.0], [1, 2, 2, 1]);
        let y = transposed(x(), [2, 2], [1, 2, 1, 2]);
        assert_eq!(into_values(y), [1.0, 3.0, 2.0, 4.0]);
        let y = transposed(x(), [1, 4], [1, 4, 1, 1]);
        assert_eq!(into_values(y), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "one number for each of 3 channels")]
    fn another_number_of_values_than_channels_is_refused() {
        channel_values(&tensor(vec![1.0, 2.0], [2]), 3);
    }
}
