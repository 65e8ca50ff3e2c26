//! Iterators over the images of a split in consecutive batches. Every loop over a whole split uses
//! them, except a training and an [`Evaluation`](crate::evaluate::Evaluation), which is done in steps.

use crate::model::batch;
#[cfg(feature = "learn")]
use crate::model::labels;
#[cfg(feature = "learn")]
use burn::tensor::Int;
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::poison::Trigger;

/// Some images of a split that go through a network together.
#[derive(Clone, Debug)]
pub struct ImageBatch<'a> {
    /// The split that the images belong to.
    pub split: &'a Split,
    /// Positions of the images in the split.
    pub indices: Vec<usize>,
}

impl ImageBatch<'_> {
    /// Number of images; at least 1 in a batch from an iterator.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The images as they are, `[n, 3, h, w]` in 0..1.
    pub fn images(&self, device: &Device) -> Tensor<4> {
        self.edited(device, |_, _| ())
    }

    /// The images with a trigger on each, or as they are without one, `[n, 3, h, w]` in 0..1.
    pub fn stamped(&self, trigger: Option<&Trigger>, device: &Device) -> Tensor<4> {
        self.edited(device, |i, pixels| {
            if let Some(trigger) = trigger {
                let mut image = self.split.image(i);
                trigger.stamp(&mut image, i);
                pixels.copy_from_slice(&image.pixels);
            }
        })
    }

    /// The images after `edit`, which gets each image's position in the split and its bytes
    /// (`[height][width][3]`); `[n, 3, h, w]` in 0..1.
    pub fn edited(&self, device: &Device, edit: impl Fn(usize, &mut Vec<u8>) + Sync) -> Tensor<4> {
        batch(self.split, &self.indices, device, edit)
    }

    /// The true labels, `[n]`.
    #[cfg(feature = "learn")]
    pub fn labels(&self, device: &Device) -> Tensor<1, Int> {
        labels(self.split, &self.indices, device)
    }
}

/// Iterator over the batches of a split; see [`batches`] and [`batches_of`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    split: &'a Split,
    remaining: std::vec::IntoIter<usize>,
    size: usize,
}

impl<'a> Iterator for Batches<'a> {
    type Item = ImageBatch<'a>;

    fn next(&mut self) -> Option<ImageBatch<'a>> {
        let indices: Vec<usize> = self.remaining.by_ref().take(self.size).collect();
        (!indices.is_empty()).then_some(ImageBatch { split: self.split, indices })
    }
}

/// All images of a split in their order, `size` at a time (0 counts as 1); the last batch may be
/// smaller.
///
/// # Examples
///
/// ```
/// use unstamp_data::datasets::{SplitName, signs};
/// use unstamp_data::seed::Seed;
/// use unstamp_networks::Device;
/// use unstamp_networks::batches::batches;
///
/// let split = signs::split(Seed(0), SplitName::Test, 0..5);
/// let sizes: Vec<usize> = batches(&split, 2).map(|batch| batch.len()).collect();
/// assert_eq!(sizes, [2, 2, 1]);
/// let first = batches(&split, 2).next().expect("there are images");
/// assert_eq!(first.images(&Device::flex()).dims(), [2, 3, 32, 32]);
/// ```
pub fn batches(split: &Split, size: usize) -> Batches<'_> {
    batches_of(split, (0..split.len()).collect(), size)
}

/// The images at `indices` in this order, `size` at a time (0 counts as 1); the last batch may be
/// smaller.
pub fn batches_of(split: &Split, indices: Vec<usize>, size: usize) -> Batches<'_> {
    Batches { split, remaining: indices.into_iter(), size: size.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn black(count: usize) -> Split {
        let pixels = vec![0; 3 * count];
        Split { width: 1, height: 1, pixels, labels: vec![0; count] }
    }

    fn positions(batches: Batches) -> Vec<Vec<usize>> {
        batches.map(|batch| batch.indices).collect()
    }

    #[test]
    fn every_image_is_in_one_batch() {
        let split = black(5);
        assert_eq!(positions(batches(&split, 2)), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(positions(batches(&split, 9)), [vec![0, 1, 2, 3, 4]]);
    }

    #[test]
    fn chosen_images_keep_their_order() {
        let split = black(5);
        assert_eq!(positions(batches_of(&split, vec![4, 0, 3], 2)), [vec![4, 0], vec![3]]);
    }

    #[test]
    fn no_images_give_no_batch_and_no_size_does_not_hang() {
        assert_eq!(positions(batches(&black(0), 2)).len(), 0);
        assert_eq!(positions(batches(&black(2), 0)).len(), 2);
    }
}
