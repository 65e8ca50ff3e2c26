//! Why a file of weights cannot be used.

use super::pickle::PickleError;
use std::path::PathBuf;
use unstamp_shared::model::weights::WeightsError;

/// A file of weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The operating system does not give the file.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The contents of the file are not usable.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// Path of the file.
        path: PathBuf,
        /// The fault in the contents.
        #[source]
        source: Fault,
    },
}

/// A fault inside a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The structure of a zip archive is damaged.
    #[error("the zip archive is broken; copy or download the file again")]
    Zip(#[source] zip::result::ZipError),
    /// A file in a zip archive cannot be unpacked.
    #[error("the zip archive is broken; copy or download the file again")]
    Unpack(#[source] std::io::Error),
    /// The file is of a kind that is not read.
    #[error("it is {kind}; {remedy}")]
    OtherKind {
        /// Name of the kind.
        kind: &'static str,
        /// Step to take.
        remedy: &'static str,
    },
    /// The path names a folder.
    #[error("it is a folder; give the file in it")]
    Folder,
    /// The file or folder is a part of an unpacked checkpoint.
    #[error(
        "it is the inside of an unpacked checkpoint; give the file as it was before it was unpacked, or \
         pack the folder that holds data.pkl as a zip again"
    )]
    Inside,
    /// A zip archive without `data.pkl`.
    #[error("it is a zip, but not a PyTorch checkpoint; give a file that torch.save wrote")]
    OtherZip,
    /// A pickle that holds no tensors.
    #[error("it is a pickle, but not of a PyTorch checkpoint; give a file that torch.save wrote")]
    OtherPickle,
    /// A storage of numbers is longer than the rest of the file.
    #[error("the file is truncated; copy or download it again")]
    Truncated,
    /// The list of storages does not fit the storages that the tensors use.
    #[error("its list of storages is broken; copy or download the file again")]
    Storages,
    /// A program that `torch.jit.save` wrote.
    #[error(
        "it is a program for TorchScript, whose weights are not read; in PyTorch save \
         torch.jit.load(...).state_dict() with torch.save"
    )]
    TorchScript,
    /// A whole model in place of its weights. Holds the name of its class.
    #[error(
        "it is an object of the class {0} and not its weights; nothing of it was executed. In PyTorch save \
         model.state_dict() and import that"
    )]
    WholeModel(String),
    /// No dictionary of weights was found.
    #[error(
        "it holds no state_dict; save the model's state_dict, alone or under state_dict, \
         model_state_dict, model or net"
    )]
    NoStateDict,
    /// Several dictionaries of weights were found. Holds their keys, with commas.
    #[error(
        "it holds several state_dicts, {0}; save the one that you mean alone, or under state_dict"
    )]
    SeveralStateDicts(String),
    /// The first layer normalises, but its numbers are no mean and deviation of images in 0..1.
    #[error(
        "its first layer normalises the input by a mean and deviation that do not fit images in 0..1; save \
         the network without that layer and give --mean and --std"
    )]
    Normaliser,
    /// The first layer normalises the input. Only `unstamp import` reads such a file.
    #[error("its first layer normalises the input; make a model of it with unstamp import first")]
    Normalises,
    /// The contents or the tensors are larger than the limit for a file of this size.
    #[error("its contents would be much larger than the file; copy or download the file again")]
    TooLarge,
    /// `pickle.dump` wrote the file, which stores tensors in another form than `torch.save`.
    #[error("pickle.dump wrote it; write it again with torch.save")]
    Dumped,
    /// A class or function that is not known here. Holds its name.
    #[error(
        "it names {0}, which no weights need; nothing of it was executed. Save only the state_dict of the \
         model in PyTorch and import that"
    )]
    Forbidden(String),
    /// Two entries have one name after the prefix is removed. Holds the name.
    #[error("it holds '{0}' twice, with and without a prefix; save the state_dict of one model")]
    Twice(String),
    /// The dictionary holds no weights.
    #[error("its state_dict is empty; save the model's state_dict with its weights")]
    Empty,
    /// A key in the dictionary of weights is no text.
    #[error("a tensor of its state_dict has no name; save the model's state_dict as it is")]
    Nameless,
    /// An entry cannot be read as a tensor.
    #[error("'{name}' is no tensor")]
    Tensor {
        /// Name of the entry.
        name: String,
        /// The reason.
        #[source]
        source: TensorError,
    },
    /// The pickle in the file cannot be read.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// The file is no sound safetensors file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Why an entry of a state_dict is no tensor of floating-point numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// It is not a tensor.
    #[error("it is something else; save only the state_dict of the model")]
    Other,
    /// A tensor of another kind, such as a sparse one. Holds the function that makes it.
    #[error("it is a {0}; save it as a dense tensor")]
    Kind(String),
    /// Parts of its description are missing.
    #[error("its record is incomplete; copy or download the file again")]
    Incomplete,
    /// The file does not hold its storage.
    #[error("its numbers are missing from the file; copy or download the file again")]
    Missing,
    /// Shape and strides do not fit its storage.
    #[error("its shape does not fit its numbers; copy or download the file again")]
    Shape,
    /// The numbers are not floating-point. Holds the kind of the storage.
    #[error("its numbers are {0}; save floating-point numbers")]
    Numbers(&'static str),
}
