//! Class folders of the user's own images.

use super::DatasetInfo;

/// The description of a data set in class folders. The folders name the classes.
pub static INFO: DatasetInfo = DatasetInfo {
    id: "folder",
    title: "Your own classes",
    source: "--data with train/<class>/* and test/<class>/* (PNG, JPEG, PPM)",
    classes: &[],
    size: (32, 32),
    flip: true,
};
