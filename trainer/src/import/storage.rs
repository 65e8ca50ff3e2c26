//! Storages: the raw numbers that tensors of a checkpoint refer to.

use super::pickle::Object;
use std::collections::HashMap;
use std::rc::Rc;

/// Raw bytes of each storage, by its key.
pub(super) type Storages = HashMap<String, Vec<u8>>;

/// The kind of a storage that is not known.
const OTHER: &str = "of another kind";

/// Kind and key of `('storage', torch.FloatStorage, key, location, size, ...)`.
pub(super) fn storage(id: &Object) -> Option<(&'static str, String)> {
    let items = id.tuple();
    match (items.first()?.text()?.as_str(), items.get(1)?, items.get(2)?) {
        ("storage", Object::Global(kind), key) => Some((kind, key.text()?)),
        ("storage", Object::Unknown(_), key) => Some((OTHER, key.text()?)),
        _ => None,
    }
}

/// Bytes that an element of a storage takes.
pub(super) fn width(kind: &str) -> usize {
    match kind {
        "torch.HalfStorage" | "torch.BFloat16Storage" | "torch.ShortStorage" => 2,
        "torch.DoubleStorage" | "torch.LongStorage" | "torch.ComplexFloatStorage" => 8,
        "torch.ComplexDoubleStorage" => 16,
        "torch.CharStorage" | "torch.ByteStorage" | "torch.BoolStorage" => 1,
        _ => 4,
    }
}

/// Bytes that an element takes, by the key of its storage.
pub(super) fn widths(ids: &[Rc<Object>]) -> HashMap<String, usize> {
    let known = ids.iter().filter_map(|id| storage(id));
    known.map(|(kind, key)| (key, width(kind))).collect()
}
