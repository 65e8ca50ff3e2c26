//! Errors of the loaders. Each is one sentence that names the file, the fault and the next step.

use super::fault::Fault;
use super::picture::PictureError;
use thiserror::Error;

/// Why a data set cannot be loaded.
#[derive(Debug, Error)]
pub enum DataError {
    /// No data set has this id.
    #[error("there is no data set '{id}'; there are: {known}")]
    Unknown {
        /// Id that was asked for.
        id: String,
        /// Ids of all data sets, with commas.
        known: String,
    },
    /// The data set has a description but no loader.
    #[error("data set {id} has no loader; please report this fault of the program")]
    NoLoader {
        /// Id of the data set.
        id: &'static str,
    },
    /// The data set lies on disk, and no path was given.
    #[error("--data is missing for {id}: {how}")]
    NoPath {
        /// Id of the data set.
        id: &'static str,
        /// Source of the data set, from its description.
        how: &'static str,
    },
    /// The data set has no official download.
    #[error("{id} is not downloaded; the data sets that are: {known}")]
    NoDownload {
        /// Id of the data set.
        id: String,
        /// Ids of the data sets with a download, with commas.
        known: String,
    },
    /// Images of this size cannot be made.
    #[error("{id} has images of {has}; leave the image size out")]
    Size {
        /// Id of the data set.
        id: &'static str,
        /// Size of its images.
        has: String,
    },
    /// A file or folder cannot be opened or read.
    #[error("cannot open {path}: {error}{hint}")]
    Open {
        /// File or folder.
        path: String,
        /// Error of the operating system.
        error: std::io::Error,
        /// Next step, with a semicolon before it; empty where none is known.
        hint: &'static str,
    },
    /// The path is neither a folder nor an archive of a known kind.
    #[error("{path} is neither a folder nor a .tar, .tar.gz, .tar.zst or .zip")]
    NoArchive {
        /// Path that was given.
        path: String,
    },
    /// An archive ends early or is damaged.
    #[error("{path} is broken or truncated: {error}; fetch or pack it again")]
    Broken {
        /// The archive.
        path: String,
        /// Error of the library that reads it.
        error: Fault,
    },
    /// A zip archive is packed in a way that is not read.
    #[error("{path} cannot be read: {name} is packed with {method}; unpack it and give the folder")]
    Packing {
        /// The archive.
        path: String,
        /// File in it.
        name: String,
        /// Compression or encryption of the file.
        method: String,
    },
    /// A link in an archive does not lead to a picture of the archive.
    #[error(
        "{path} cannot be read: {name} is a link to {target}, which is no file that is read from the \
         archive; unpack it and give the folder"
    )]
    Link {
        /// The archive.
        path: String,
        /// Name of the link.
        name: String,
        /// Path to which the link leads.
        target: String,
    },
    /// One name occurs twice.
    #[error("{path} holds {name} twice; give one copy of the data set")]
    Twice {
        /// Folder or archive that was given.
        path: String,
        /// The name, or what occurs twice with the names of both files.
        name: String,
    },
    /// A picture cannot be decoded.
    #[error("{name} cannot be decoded: {error}")]
    Picture {
        /// The picture.
        name: String,
        /// Error of the decoder.
        error: PictureError,
    },
    /// A list or batch cannot be read.
    #[error("{name} is broken: {error}; fetch or unpack it again")]
    File {
        /// The list or batch.
        name: String,
        /// Error of the library that reads it, or the fault in its contents.
        error: Fault,
    },
    /// There are no class folders.
    #[error(
        "{path} has 0 classes; at least two folders train/<class> and test/<class> are needed{found}"
    )]
    NoFolders {
        /// Folder or archive that was given.
        path: String,
        /// Folders that were found instead, with a semicolon before them; empty if there are none.
        found: String,
    },
    /// There is only one class.
    #[error(
        "{path} has 1 class, '{class}'; at least two folders train/<class> and test/<class> are needed"
    )]
    OneClass {
        /// Folder or archive that was given.
        path: String,
        /// Name of the class.
        class: String,
    },
    /// Two folders hold class folders.
    #[error(
        "{path} holds two data sets, in {first} and in {second}; give the folder of one of them"
    )]
    TwoRoots {
        /// Folder or archive that was given.
        path: String,
        /// Folder of one data set.
        first: String,
        /// Folder of the other.
        second: String,
    },
    /// A split's folder occurs in two spellings.
    #[error("{path} has both {first} and {second}; keep one of them")]
    TwoSpellings {
        /// Folder or archive that was given.
        path: String,
        /// One spelling of the folder.
        first: String,
        /// The other spelling.
        second: String,
    },
    /// A picture lies too deep in a class folder or in none.
    #[error(
        "{name} does not lie in a folder of the form {split}/<class>; move it there or remove it"
    )]
    Misplaced {
        /// The picture.
        name: String,
        /// Folder of the split that it lies in.
        split: String,
    },
    /// A picture lies in a folder that is no class of the data set.
    #[error("{name} lies in '{class}', which is no class here; the classes are: {known}")]
    NoClass {
        /// The picture.
        name: String,
        /// Name of its folder.
        class: String,
        /// Names of all classes, with commas.
        known: String,
    },
    /// A class has test images only.
    #[error("class '{class}' has test images but no training images; check its folder's name")]
    NotTrained {
        /// Name of the class.
        class: String,
    },
    /// A part of the data set is missing.
    #[error("{path} holds no {what}; {next}")]
    Missing {
        /// Folder or archive that was given.
        path: String,
        /// Missing part.
        what: String,
        /// Step to take.
        next: String,
    },
    /// A split has no images.
    #[error("{id} at {path} has no {split} images{hint}")]
    Empty {
        /// Id of the data set.
        id: &'static str,
        /// Folder or archive that was given.
        path: String,
        /// `training` or `test`.
        split: &'static str,
        /// Place where they may be, with a semicolon before it; empty where none is known.
        hint: String,
    },
    /// A label is not below the number of classes.
    #[error("{name}: label {label} is out of range 0 to {last}")]
    Label {
        /// The list or batch.
        name: String,
        /// The label.
        label: u64,
        /// Largest valid label.
        last: usize,
    },
}
