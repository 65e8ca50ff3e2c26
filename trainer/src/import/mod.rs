//! PyTorch checkpoints (zip and legacy) and foreign safetensors as Unstamp weights.

mod archive;
mod backdoorbench;
mod checkpoint;
mod error;
mod kind;
mod legacy;
pub mod pickle;
mod state_dict;
mod storage;
mod tensor;

pub use backdoorbench::Origin;
pub use checkpoint::Checkpoint;
pub use error::{Fault, ImportError, TensorError};

use std::path::Path;
use unstamp_shared::model::weights::{self, Arrays, Metadata};

/// Reads weights from any of the formats, with our metadata where there are some.
///
/// # Errors
/// The file cannot be read, holds no weights in a known format, or holds a network that normalises its
/// input itself, which only `unstamp import` takes over.
pub fn weights_of(path: &Path) -> Result<(Arrays, Option<Metadata>), ImportError> {
    let checkpoint = checkpoint_of(path)?;
    if checkpoint.normalisation.is_some() {
        // Without its normalisation the network would answer otherwise.
        return Err(ImportError::Unusable { path: path.to_path_buf(), source: Fault::Normalises });
    }
    Ok((checkpoint.arrays, checkpoint.metadata))
}

/// Reads weights from any of the formats, with what the file says about the model.
///
/// # Errors
/// The file cannot be read, or holds no weights in a known format.
pub fn checkpoint_of(path: &Path) -> Result<Checkpoint, ImportError> {
    if path.is_dir() {
        let inside = path.join("data.pkl").exists();
        let fault = if inside { Fault::Inside } else { Fault::Folder };
        return Err(ImportError::Unusable { path: path.to_path_buf(), source: fault });
    }
    let bytes = std::fs::read(path)
        .map_err(|source| ImportError::Read { path: path.to_path_buf(), source })?;
    checkpoint_from(&bytes)
        .map_err(|source| ImportError::Unusable { path: path.to_path_buf(), source })
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

/// Reads the bytes of a file in any of the formats.
///
/// # Errors
/// The bytes hold no weights in a known format.
pub fn checkpoint_from(bytes: &[u8]) -> Result<Checkpoint, Fault> {
    if bytes.starts_with(b"PK") {
        return archive::read(bytes);
    }
    if bytes.starts_with(legacy::MAGIC) {
        return legacy::read(bytes);
    }
    // A safetensors file begins with the length of its JSON head, which may look like a pickle.
    if bytes.first() == Some(&0x80) && bytes.get(8) != Some(&b'{') {
        return Err(if !holds(bytes, b"torch._utils") {
            Fault::OtherPickle
        } else if holds(bytes, b"_load_from_bytes") {
            Fault::Dumped
        } else {
            Fault::Inside
        });
    }
    if let Some((kind, remedy)) = kind::other_kind(bytes) {
        return Err(Fault::OtherKind { kind, remedy });
    }
    let (arrays, metadata) = weights::from_bytes(bytes)?;
    match metadata {
        // Written by Unstamp: the names are as they should be.
        Some(_) => Ok(Checkpoint { arrays, metadata, ..Checkpoint::default() }),
        None => Ok(state_dict::from_arrays(arrays)?.into()),
    }
}
