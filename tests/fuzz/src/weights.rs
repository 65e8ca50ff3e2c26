//! Files of weights.

use unstamp_shared::Device;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Metadata, Precision, from_bytes, frozen, to_bytes};
use unstamp_trainer::import::{checkpoint_from, pickle};

/// One pickle.
pub fn pickle(bytes: &[u8]) {
    if let Ok(pickle) = pickle::read(bytes) {
        assert!(pickle.length <= bytes.len(), "no more was read than is there");
    }
}

/// A checkpoint of PyTorch (zip and legacy) or a safetensors file, as `unstamp import` reads it.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(read) = checkpoint_from(bytes) else { return };
    let metadata = read.metadata.unwrap_or_default();
    let written = to_bytes(&read.arrays, Precision::F32, &metadata);
    let (arrays, _) = from_bytes::<Metadata>(&written).expect("our own file is readable");
    assert_eq!(arrays.len(), read.arrays.len(), "no array was lost");
}

/// A model file, as the page and `unstamp eval` open it.
pub fn model(bytes: &[u8]) {
    let Ok((arrays, Some(metadata))) = from_bytes::<Metadata>(bytes) else { return };
    let arch = Arch {
        normalisation: metadata.normalisation,
        ..Arch::new(&metadata.arch, metadata.class_names.len())
    };
    if arch.describe().is_ok() {
        let _ = frozen(&arch, &arrays, &Device::flex());
    }
}
