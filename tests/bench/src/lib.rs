//! Checks that run natively and in a browser, and the contenders of `make bench`.

pub mod checks;
pub mod contender;
pub mod golden;
pub mod gradient;
pub mod plain;

use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};

/// Architecture and weights of a safetensors file of this project.
pub fn load(bytes: &[u8]) -> Result<(Arch, Arrays), String> {
    let (arrays, metadata) = from_bytes::<Metadata>(bytes).map_err(|e| e.to_string())?;
    let m = metadata.ok_or("the file does not say its architecture")?;
    let arch = Arch { name: m.arch, classes: m.class_names.len(), normalisation: m.normalisation };
    Ok((arch, arrays))
}
