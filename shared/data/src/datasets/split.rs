//! Labelled images of one size in one buffer.

use crate::image::Image;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the two parts of a data set. Its name is part of random streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitName {
    /// The images that networks learn from.
    Train,
    /// The images that rates are measured on.
    Test,
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Test => "test",
        })
    }
}

/// Images of one size with labels.
/// # Examples
///
/// ```
/// use unstamp_data::datasets::Split;
/// use unstamp_data::image::Image;
///
/// let images: Vec<_> = (0..10).map(|label| (Image::new(2, 2), label)).collect();
/// let mut train = Split::from_images(2, 2, &images);
/// let validation = train.part(2);
/// assert_eq!(validation.labels, [0, 5]);
/// assert_eq!(train.labels, [1, 2, 3, 4, 6, 7, 8, 9]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Width of every image in pixels.
    pub width: usize,
    /// Height of every image in pixels.
    pub height: usize,
    /// Bytes of all images, `[n][height][width][3]`.
    pub pixels: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u16>,
}

impl Split {
    /// A split without images; images of `width` by `height` pixels can be pushed.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, ..Self::default() }
    }

    /// A split of labelled images of `width` by `height` pixels.
    pub fn from_images<'a>(
        width: usize,
        height: usize,
        images: impl IntoIterator<Item = &'a (Image, u16)>,
    ) -> Self {
        let mut split = Self::new(width, height);
        for (image, label) in images {
            split.push(image, *label);
        }
        split
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        3 * self.width * self.height
    }

    /// The bytes of image `i`, rows from the top.
    ///
    /// # Panics
    /// If there is no image `i`.
    pub fn bytes(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..][..self.stride()]
    }

    /// A copy of image `i`.
    ///
    /// # Panics
    /// If there is no image `i`.
    pub fn image(&self, i: usize) -> Image {
        Image { width: self.width, height: self.height, pixels: self.bytes(i).to_vec() }
    }

    /// Replaces image `i` by one of this split's size.
    ///
    /// # Panics
    /// If there is no image `i` or `image` has another number of pixels.
    pub fn set_image(&mut self, i: usize, image: &Image) {
        let stride = self.stride();
        self.pixels[i * stride..][..stride].copy_from_slice(&image.pixels);
    }

    /// Appends an image of this split's size.
    pub fn push(&mut self, image: &Image, label: u16) {
        debug_assert_eq!((image.width, image.height), (self.width, self.height));
        self.pixels.extend_from_slice(&image.pixels);
        self.labels.push(label);
    }

    /// The first `count` images, or all if there are fewer.
    pub fn front(&self, count: usize) -> Split {
        self.subset(&(0..count.min(self.len())).collect::<Vec<_>>())
    }

    /// The images at [`Split::places`]: each class keeps its share even if the images are sorted
    /// by class.
    pub fn spread(&self, count: usize) -> Split {
        self.subset(&self.places(count))
    }

    /// Removes the images at [`Split::places`] and returns them.
    pub fn part(&mut self, count: usize) -> Split {
        let places = self.places(count);
        let rest: Vec<_> = (0..self.len()).filter(|i| places.binary_search(i).is_err()).collect();
        let parted = self.subset(&places);
        *self = self.subset(&rest);
        parted
    }

    /// `count` indices (at most one for each image) at equal distances, ascending.
    pub fn places(&self, count: usize) -> Vec<usize> {
        let count = count.min(self.len());
        (0..count).map(|i| i * self.len() / count).collect()
    }

    /// The images at `indices`, in the order of `indices`.
    ///
    /// # Panics
    /// If an index is not below the number of images.
    pub fn subset(&self, indices: &[usize]) -> Split {
        let mut split = Split::new(self.width, self.height);
        for &i in indices {
            split.pixels.extend_from_slice(self.bytes(i));
            split.labels.push(self.labels[i]);
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of 2x1 pixels whose bytes are their index, sorted by class.
    fn sorted(classes: u16, of_each: usize) -> Split {
        let mut split = Split::new(2, 1);
        for i in 0..usize::from(classes) * of_each {
            let image = Image { width: 2, height: 1, pixels: vec![i as u8; 6] };
            split.push(&image, (i / of_each) as u16);
        }
        split
    }

    #[test]
    fn a_spread_of_sorted_images_holds_every_class() {
        let split = sorted(5, 20);
        let spread = split.spread(10);
        for class in 0..5 {
            assert_eq!(spread.labels.iter().filter(|label| **label == class).count(), 2);
        }
        assert_eq!(split.spread(500), split);
        assert!(Split::default().spread(3).is_empty());
    }

    #[test]
    fn a_part_and_the_rest_hold_every_image_once() {
        let split = sorted(5, 20);
        let mut rest = split.clone();
        let part = rest.part(30);
        assert_eq!((part.len(), rest.len()), (30, 70));
        let mut bytes: Vec<u8> = [&part, &rest].iter().flat_map(|s| s.pixels.clone()).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, split.pixels);
    }

    #[test]
    fn images_are_kept_by_index() {
        let mut split = sorted(2, 2);
        assert_eq!(split.image(3).pixels, [3; 6]);
        let white = Image { width: 2, height: 1, pixels: vec![255; 6] };
        split.set_image(1, &white);
        assert_eq!(split.bytes(1), [255; 6]);
        assert_eq!(split.bytes(2), [2; 6], "the neighbour stays");
        assert_eq!(split.subset(&[1, 0]).labels, [0, 0]);
        assert_eq!(split.front(3).labels, [0, 0, 1]);
    }
}
