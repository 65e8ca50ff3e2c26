//! Faults inside a file or an archive of a data set.

use crate::import::pickle::PickleError;
use ruzstd::decoding::errors::FrameDecoderError;
use thiserror::Error;
use zip::result::ZipError;

/// Why the contents of a file or of an archive cannot be read. [`DataError`](super::DataError) names the
/// file.
#[derive(Debug, Error)]
pub enum Fault {
    /// Reading or decompressing failed.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// The name of a file in an archive is longer than names can be.
    #[error("the name of a file is longer than 4096 bytes")]
    LongName,
    /// It is no zip archive, or a damaged one.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// It does not begin like a file of Zstandard.
    #[error("{0}")]
    Zstd(#[from] FrameDecoderError),
    /// A row of a list cannot be read.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// It is no pickle, or a damaged one.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// A list names a picture that is not there.
    #[error("it names {0}, which is missing")]
    NoPicture(String),
    /// A binary batch is empty, or does not end with a whole row.
    #[error("its size is no multiple of {row}")]
    Rows {
        /// Bytes of a row.
        row: usize,
    },
    /// A batch has no labels.
    #[error("it has no labels")]
    NoLabels,
    /// A label of a batch is no whole number from 0.
    #[error("a label is no class")]
    Label,
    /// The images of a batch are no array of [NumPy](https://numpy.org).
    #[error("its data is no numpy array")]
    NoArray,
    /// The array of a batch has no bytes.
    #[error("its numpy array has no bytes")]
    NoBytes,
    /// The array of a batch is stored by columns.
    #[error("its array is stored by columns")]
    ByColumns,
    /// A batch has more or fewer images than labels.
    #[error("{labels} labels for {bytes} bytes")]
    Counts {
        /// Number of labels.
        labels: usize,
        /// Bytes of the images.
        bytes: usize,
    },
}
