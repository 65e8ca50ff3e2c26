//! PyTorch's format since 1.6: a zip with a pickle and one file for each storage.

use super::storage::Storages;
use super::{Checkpoint, Fault, kind, pickle};
use std::io::{Cursor, Read};

/// How many times larger than the file its contents may be. PyTorch does not compress; archivers halve weights.
const EXPANSION: u64 = 100;

/// Reads a zip that `torch.save` wrote.
pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, Fault> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(Fault::Zip)?;
    let mut head = None;
    let mut storages = Storages::new();
    let mut left = (bytes.len() as u64).saturating_mul(EXPANSION);
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(Fault::Zip)?;
        let name = file.name().to_string();
        if name.ends_with("/constants.pkl") {
            return Err(Fault::TorchScript);
        }
        let mut content = Vec::new();
        file.take(left + 1).read_to_end(&mut content).map_err(Fault::Unpack)?;
        left = left.checked_sub(content.len() as u64).ok_or(Fault::TooLarge)?;
        if name.ends_with("/data.pkl") {
            head = Some(content);
        } else if let Some((_, key)) = name.rsplit_once("/data/") {
            storages.insert(key.to_string(), content);
        }
    }
    if !archive.is_empty() && archive.file_names().all(|name| name.ends_with(".npy")) {
        return Err(Fault::OtherKind { kind: "a NumPy archive", remedy: kind::READ });
    }
    let pickle = pickle::read(&head.ok_or(Fault::OtherZip)?)?;
    Checkpoint::new(&pickle.value, &storages)
}
