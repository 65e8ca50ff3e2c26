//! Data sets: their descriptions, the in-memory form, and the procedural `signs`.

pub mod signs;

use crate::image::Image;
use serde::Serialize;

/// Description of a data set the trainer can read.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetInfo {
    pub id: &'static str,
    pub title: &'static str,
    /// How to get it, for `unstamp list` and error messages.
    pub source: &'static str,
    /// Class names; empty where the folder names give them.
    pub classes: &'static [&'static str],
    /// Width and height images are brought to.
    pub size: (usize, usize),
    /// Whether a mirrored image keeps its class.
    pub flip: bool,
}

/// Every data set, by id.
pub static DATASETS: &[DatasetInfo] = &[
    DatasetInfo {
        id: "signs",
        title: "Signs",
        source: "drawn by this program; nothing to download",
        classes: &signs::CLASSES,
        size: (signs::SIZE, signs::SIZE),
        flip: false,
    },
    DatasetInfo {
        id: "cifar10",
        title: "CIFAR-10",
        source: "unstamp data fetch cifar10, or --data with the official archive, its folder, or class folders",
        classes: &[
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ],
        size: (32, 32),
        flip: true,
    },
    DatasetInfo {
        id: "gtsrb",
        title: "GTSRB",
        source: "unstamp data fetch gtsrb, or --data with the official folder or an archive of it",
        classes: &GTSRB,
        size: (32, 32),
        flip: false,
    },
    DatasetInfo {
        id: "folder",
        title: "Your own classes",
        source: "--data with train/<class>/* and test/<class>/* (PNG, JPEG, PPM)",
        classes: &[],
        size: (32, 32),
        flip: true,
    },
];

const GTSRB: [&str; 43] = [
    "limit 20",
    "limit 30",
    "limit 50",
    "limit 60",
    "limit 70",
    "limit 80",
    "end of limit 80",
    "limit 100",
    "limit 120",
    "no passing",
    "no passing for lorries",
    "right of way",
    "priority road",
    "yield",
    "stop",
    "no vehicles",
    "no lorries",
    "no entry",
    "danger",
    "bend left",
    "bend right",
    "double bend",
    "bumpy road",
    "slippery road",
    "road narrows",
    "road works",
    "traffic signals",
    "pedestrians",
    "children",
    "bicycles",
    "snow",
    "wild animals",
    "end of all limits",
    "turn right",
    "turn left",
    "ahead only",
    "ahead or right",
    "ahead or left",
    "keep right",
    "keep left",
    "roundabout",
    "end of no passing",
    "end of no passing for lorries",
];

/// The description with this id.
pub fn dataset(id: &str) -> Option<&'static DatasetInfo> {
    DATASETS.iter().find(|info| info.id == id)
}

/// Images of one size with labels, in one buffer (`[n][height][width][3]` bytes).
#[derive(Clone, Debug, Default)]
pub struct Split {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
    pub labels: Vec<u16>,
}

impl Split {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        3 * self.width * self.height
    }

    /// The bytes of image `i`.
    pub fn bytes(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..][..self.stride()]
    }

    /// A copy of image `i`.
    pub fn image(&self, i: usize) -> Image {
        Image { width: self.width, height: self.height, pixels: self.bytes(i).to_vec() }
    }

    /// Replaces image `i`; `image` has this split's size.
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

    /// The first `count` images, or all there are.
    pub fn front(&self, count: usize) -> Split {
        self.subset(&(0..count.min(self.len())).collect::<Vec<_>>())
    }

    /// `count` images evenly spread over all, or all there are: of every class its share, sorted or not.
    pub fn spread(&self, count: usize) -> Split {
        self.subset(&self.places(count))
    }

    /// Takes those out.
    pub fn part(&mut self, count: usize) -> Split {
        let places = self.places(count);
        let rest: Vec<_> = (0..self.len()).filter(|i| places.binary_search(i).is_err()).collect();
        let parted = self.subset(&places);
        *self = self.subset(&rest);
        parted
    }

    /// Where those lie.
    pub fn places(&self, count: usize) -> Vec<usize> {
        let count = count.min(self.len());
        (0..count).map(|i| i * self.len() / count).collect()
    }

    /// The images at `indices`, in their order.
    pub fn subset(&self, indices: &[usize]) -> Split {
        let mut split = Split { width: self.width, height: self.height, ..Split::default() };
        for &i in indices {
            split.pixels.extend_from_slice(self.bytes(i));
            split.labels.push(self.labels[i]);
        }
        split
    }
}
