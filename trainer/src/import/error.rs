//! Why a file of weights cannot be used.

use super::pickle::PickleError;
use std::path::PathBuf;
use unstamp_shared::model::weights::WeightsError;

/// A file of weights cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of a variant says what it is")]
pub enum ImportError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} cannot be used", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: Fault,
    },
}

/// A fault inside a file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of a variant says what it is")]
pub enum Fault {
    #[error("the zip archive is broken; copy or download the file again")]
    Zip(#[source] zip::result::ZipError),
    #[error("the zip archive is broken; copy or download the file again")]
    Unpack(#[source] std::io::Error),
    #[error("it is {kind}; {remedy}")]
    OtherKind { kind: &'static str, remedy: &'static str },
    #[error("it is a folder; give the file in it")]
    Folder,
    #[error(
        "it is the inside of an unpacked checkpoint; give the file as it was before it was unpacked, or \
         pack the folder that holds data.pkl as a zip again"
    )]
    Inside,
    #[error("it is a zip, but not a PyTorch checkpoint; give a file that torch.save wrote")]
    OtherZip,
    #[error("it is a pickle, but not of a PyTorch checkpoint; give a file that torch.save wrote")]
    OtherPickle,
    #[error("the file is truncated; copy or download it again")]
    Truncated,
    #[error("its list of storages is broken; copy or download the file again")]
    Storages,
    #[error(
        "it is a program for TorchScript, whose weights are not read; in PyTorch save \
         torch.jit.load(...).state_dict() with torch.save"
    )]
    TorchScript,
    #[error(
        "it is an object of the class {0} and not its weights; nothing of it was executed. In PyTorch save \
         model.state_dict() and import that"
    )]
    WholeModel(String),
    #[error(
        "it holds no state_dict; save the model's state_dict, alone or under state_dict, \
         model_state_dict, model or net"
    )]
    NoStateDict,
    #[error(
        "it holds several state_dicts, {0}; save the one that you mean alone, or under state_dict"
    )]
    SeveralStateDicts(String),
    #[error(
        "its first layer normalises the input by a mean and deviation that do not fit images in 0..1; save \
         the network without that layer and give --mean and --std"
    )]
    Normaliser,
    #[error("its first layer normalises the input; make a model of it with unstamp import first")]
    Normalises,
    #[error("its contents would be much larger than the file; copy or download the file again")]
    TooLarge,
    #[error("pickle.dump wrote it; write it again with torch.save")]
    Dumped,
    #[error(
        "it names {0}, which no weights need; nothing of it was executed. Save only the state_dict of the \
         model in PyTorch and import that"
    )]
    Forbidden(String),
    #[error("it holds '{0}' twice, with and without a prefix; save the state_dict of one model")]
    Twice(String),
    #[error("its state_dict is empty; save the model's state_dict with its weights")]
    Empty,
    #[error("a tensor of its state_dict has no name; save the model's state_dict as it is")]
    Nameless,
    #[error("'{name}' is no tensor")]
    Tensor {
        name: String,
        #[source]
        source: TensorError,
    },
    #[error(transparent)]
    Pickle(#[from] PickleError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Why an entry of a state_dict is no tensor of floating-point numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of a variant says what it is")]
pub enum TensorError {
    #[error("it is something else; save only the state_dict of the model")]
    Other,
    #[error("it is a {0}; save it as a dense tensor")]
    Kind(String),
    #[error("its record is incomplete; copy or download the file again")]
    Incomplete,
    #[error("its numbers are missing from the file; copy or download the file again")]
    Missing,
    #[error("its shape does not fit its numbers; copy or download the file again")]
    Shape,
    #[error("its numbers are {0}; save floating-point numbers")]
    Numbers(&'static str),
}
