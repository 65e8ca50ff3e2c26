//! PyTorch's format before 1.6: five pickles, then the storages one after the other.

use super::pickle::Pickle;
use super::storage::{Storages, widths};
use super::{Checkpoint, Fault, pickle};

/// Its first bytes: a pickled magic number.
pub(super) const MAGIC: &[u8] =
    &[0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Pickles before that of the checkpoint: magic number, protocol and machine.
const BEFORE: usize = 3;

/// Reads the pickle at `at` and moves `at` behind it.
fn next(bytes: &[u8], at: &mut usize) -> Result<Pickle, Fault> {
    let pickle = pickle::read(&bytes[*at..])?;
    *at += pickle.length;
    Ok(pickle)
}

/// Reads a file that `torch.save` wrote without a zip.
pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, Fault> {
    let mut at = 0;
    for _ in 0..BEFORE {
        next(bytes, &mut at)?;
    }
    let head = next(bytes, &mut at)?;
    let keys = next(bytes, &mut at)?;
    let widths = widths(&head.storages);
    let mut storages = Storages::new();
    for key in keys.value.items() {
        let key = key.text().ok_or(Fault::Storages)?;
        let width = *widths.get(&key).ok_or(Fault::Storages)?;
        let size = bytes.get(at..at + 8).and_then(|b| <[u8; 8]>::try_from(b).ok());
        let size = u64::from_le_bytes(size.ok_or(Fault::Truncated)?) as usize;
        let end = size.checked_mul(width).and_then(|n| n.checked_add(at + 8));
        let data = end.and_then(|end| bytes.get(at + 8..end)).ok_or(Fault::Truncated)?;
        at += 8 + data.len();
        storages.insert(key, data.to_vec());
    }
    Checkpoint::new(&head.value, &storages)
}
