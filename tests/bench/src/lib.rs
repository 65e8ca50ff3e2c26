//! Checks that run natively and in a browser, and the implementations that `make bench` compares.

#[cfg(feature = "cpu")]
pub mod burn_network;
#[cfg(feature = "cpu")]
pub mod checks;
#[cfg(feature = "cpu")]
#[cfg(all(feature = "cpu", not(target_family = "wasm")))]
pub mod erasure;
mod error;
pub mod gradient;
#[cfg(feature = "cpu")]
pub mod image_hashes;
#[cfg(feature = "cpu")]
pub mod implementation;

pub use error::BenchError;

use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};

/// Architecture and weights of a safetensors file of this project.
///
/// # Errors
/// If the bytes are not a safetensors file of such weights, or the file does not say its
/// architecture.
pub fn load(bytes: &[u8]) -> Result<(Arch, Arrays), BenchError> {
    let (arrays, metadata) = from_bytes::<Metadata>(bytes)?;
    let metadata = metadata.ok_or(BenchError::NoArchitecture)?;
    let arch = Arch {
        normalisation: metadata.normalisation,
        ..Arch::new(metadata.arch, metadata.class_names.len())
    };
    Ok((arch, arrays))
}
