//! Errors of the loaders. Each is one sentence that names the file, the fault and the next step.

use super::fault::Fault;
use super::picture::PictureError;
use thiserror::Error;

/// Why a data set cannot be loaded.
///
/// In every variant `path` is the folder or archive that was given, `name` is a file in it, and `id`
/// is a data set's id.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the sentence of a variant shows what its fields hold")]
pub enum DataError {
    /// No data set has this id.
    #[error("there is no data set '{id}'; there are: {known}")]
    Unknown { id: String, known: String },
    /// The data set has a description but no loader.
    #[error("data set {id} has no loader; please report this fault of the program")]
    NoLoader { id: &'static str },
    /// The data set lies on disk, and no path was given.
    #[error("--data is missing for {id}: {how}")]
    NoPath { id: &'static str, how: &'static str },
    /// The data set has no official download.
    #[error("{id} is not downloaded; the data sets that are: {known}")]
    NoDownload { id: String, known: String },
    /// Images of this size cannot be made.
    #[error("{id} has images of {has}; leave the image size out")]
    Size { id: &'static str, has: String },
    /// A file or folder cannot be opened or read.
    #[error("cannot open {path}: {error}{hint}")]
    Open { path: String, error: std::io::Error, hint: &'static str },
    /// The path is neither a folder nor an archive of a known kind.
    #[error("{path} is neither a folder nor a .tar, .tar.gz, .tar.zst or .zip")]
    NoArchive { path: String },
    /// An archive ends early or is damaged.
    #[error("{path} is broken or truncated: {error}; fetch or pack it again")]
    Broken { path: String, error: Fault },
    /// A zip archive is packed in a way that is not read.
    #[error("{path} cannot be read: {name} is packed with {method}; unpack it and give the folder")]
    Packing { path: String, name: String, method: String },
    /// A link in an archive does not lead to a picture of the archive.
    #[error(
        "{path} cannot be read: {name} is a link to {target}, which is no file that is read from the \
         archive; unpack it and give the folder"
    )]
    Link { path: String, name: String, target: String },
    /// One name occurs twice.
    #[error("{path} holds {name} twice; give one copy of the data set")]
    Twice { path: String, name: String },
    /// A picture cannot be decoded.
    #[error("{name} cannot be decoded: {error}")]
    Picture { name: String, error: PictureError },
    /// A list or batch cannot be read.
    #[error("{name} is broken: {error}; fetch or unpack it again")]
    File { name: String, error: Fault },
    /// There are no class folders.
    #[error(
        "{path} has 0 classes; at least two folders train/<class> and test/<class> are needed{found}"
    )]
    NoFolders { path: String, found: String },
    /// There is only one class.
    #[error(
        "{path} has 1 class, '{class}'; at least two folders train/<class> and test/<class> are needed"
    )]
    OneClass { path: String, class: String },
    /// Two folders hold class folders.
    #[error(
        "{path} holds two data sets, in {first} and in {second}; give the folder of one of them"
    )]
    TwoRoots { path: String, first: String, second: String },
    /// A split's folder occurs in two spellings.
    #[error("{path} has both {first} and {second}; keep one of them")]
    TwoSpellings { path: String, first: String, second: String },
    /// A picture lies too deep in a class folder or in none.
    #[error(
        "{name} does not lie in a folder of the form {split}/<class>; move it there or remove it"
    )]
    Misplaced { name: String, split: String },
    /// A picture lies in a folder that is no class of the data set.
    #[error("{name} lies in '{class}', which is no class here; the classes are: {known}")]
    NoClass { name: String, class: String, known: String },
    /// A class has test images only.
    #[error("class '{class}' has test images but no training images; check its folder's name")]
    NotTrained { class: String },
    /// A part of the data set is missing: `what` was not found, and `next` is the step to take.
    #[error("{path} holds no {what}; {next}")]
    Missing { path: String, what: String, next: String },
    /// A split has no images. `hint` is empty or says where they may be.
    #[error("{id} at {path} has no {split} images{hint}")]
    Empty { id: &'static str, path: String, split: &'static str, hint: String },
    /// A label is not below the number of classes.
    #[error("{name}: label {label} is out of range 0 to {last}")]
    Label { name: String, label: u64, last: usize },
}
