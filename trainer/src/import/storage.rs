//! Storages: the raw numbers that tensors of a checkpoint refer to.

use super::pickle::Object;
use std::collections::HashMap;

/// Raw bytes of each storage, by its key.
pub(super) type Storages = HashMap<String, Vec<u8>>;

/// Kind and key of `('storage', torch.FloatStorage, key, location, size, ...)`.
pub(super) fn storage(id: &Object) -> Option<(&'static str, String)> {
    let items = id.items();
    match (items.first()?.text()?.as_str(), items.get(1)?, items.get(2)?) {
        ("storage", Object::Global(kind), key) => Some((kind, key.text()?)),
        _ => None,
    }
}

/// Bytes that an element of a storage takes.
pub(super) fn width(kind: &str) -> usize {
    match kind {
        "torch.HalfStorage" | "torch.BFloat16Storage" | "torch.ShortStorage" => 2,
        "torch.DoubleStorage" | "torch.LongStorage" => 8,
        "torch.CharStorage" | "torch.ByteStorage" | "torch.BoolStorage" => 1,
        _ => 4,
    }
}

/// Bytes that an element takes, for every storage that a value refers to.
pub(super) fn widths(object: &Object) -> HashMap<String, usize> {
    let mut widths = HashMap::new();
    let mut todo = vec![object.clone()];
    while let Some(object) = todo.pop() {
        match &object {
            Object::Persistent(id) => {
                if let Some((kind, key)) = storage(id) {
                    widths.insert(key, width(kind));
                }
            }
            Object::Call(_, args, _) => todo.extend(args.iter().cloned()),
            Object::Dict(pairs) => todo.extend(pairs.borrow().iter().map(|(_, v)| v.clone())),
            _ => todo.extend(object.items()),
        }
    }
    widths
}
