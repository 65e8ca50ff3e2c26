//! A tensor of a checkpoint as an array of 32-bit floats.

use super::TensorError;
use super::pickle::Object;
use super::storage::{Storages, storage, width};
use half::{bf16, f16};
use unstamp_shared::model::weights::Array;

/// Kinds of storages of floating-point numbers.
const FLOATS: [&str; 4] =
    ["torch.FloatStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.DoubleStorage"];

/// Reads `_rebuild_tensor_v2(storage, offset, size, stride, ...)`, possibly inside a parameter.
pub(super) fn tensor(object: &Object, storages: &Storages) -> Result<Array, TensorError> {
    let Object::Call(name, args, _) = object else { return Err(other(object)) };
    if *name == "torch._utils._rebuild_parameter" {
        // A parameter inside a parameter would be a loop.
        return match args.first() {
            Some(Object::Call("torch._utils._rebuild_tensor_v2", args, _)) => dense(args, storages),
            _ => Err(TensorError::Incomplete),
        };
    }
    if *name != "torch._utils._rebuild_tensor_v2" {
        return Err(TensorError::Other);
    }
    dense(args, storages)
}

/// What is wrong with a value that is no dense tensor.
fn other(object: &Object) -> TensorError {
    match object {
        Object::Unknown(name) if name.starts_with("torch._utils._rebuild") => {
            TensorError::Kind(name.to_string())
        }
        _ => TensorError::Other,
    }
}

/// The number of elements of a tensor of floating-point numbers with at least one dimension; 0 for any other
/// value.
pub(super) fn weight_count(object: &Object) -> usize {
    let Object::Call(name, args, _) = object else { return 0 };
    match (*name, args.as_slice()) {
        ("torch._utils._rebuild_parameter", [inner, ..]) => match inner {
            Object::Call("torch._utils._rebuild_tensor_v2", ..) => weight_count(inner),
            _ => 0,
        },
        ("torch._utils._rebuild_tensor_v2", [Object::Persistent(id), _, size, ..]) => {
            let is_float = storage(id).is_some_and(|(kind, _)| FLOATS.contains(&kind));
            let sizes = size.items();
            let mut count = sizes.iter().map(|n| n.int().and_then(|n| usize::try_from(n).ok()));
            let count = count.try_fold(1usize, |all, n| all.checked_mul(n?));
            count.filter(|_| is_float && !sizes.is_empty()).unwrap_or(0)
        }
        _ => 0,
    }
}

fn dense(args: &[Object], storages: &Storages) -> Result<Array, TensorError> {
    let [Object::Persistent(id), offset, size, stride, ..] = args else {
        return Err(TensorError::Incomplete);
    };
    let (kind, key) = storage(id).ok_or(TensorError::Incomplete)?;
    let bytes = storages.get(&key).ok_or(TensorError::Missing)?;
    let offset = whole(offset)?;
    let shape: Vec<usize> = size.items().iter().map(whole).collect::<Result<_, _>>()?;
    let strides: Vec<usize> = stride.items().iter().map(whole).collect::<Result<_, _>>()?;
    let count = shape.iter().try_fold(1usize, |n, s| n.checked_mul(*s));
    let count = count.filter(|count| shape.len() == strides.len() && *count <= bytes.len());
    let width = width(kind);
    let mut values = Vec::new();
    for index in 0..count.ok_or(TensorError::Shape)? {
        let at = place(index, offset, &shape, &strides).and_then(|at| at.checked_mul(width));
        let raw = at.and_then(|at| bytes.get(at..at.checked_add(width)?));
        values.push(float(kind, raw.ok_or(TensorError::Shape)?)?);
    }
    Ok(Array { shape, values })
}

/// A number of elements.
fn whole(object: &Object) -> Result<usize, TensorError> {
    object.int().and_then(|v| usize::try_from(v).ok()).ok_or(TensorError::Shape)
}

/// Place in the storage of the element that is number `index` in row-major order.
fn place(index: usize, offset: usize, shape: &[usize], strides: &[usize]) -> Option<usize> {
    let mut rest = index;
    let mut at = offset;
    for (size, stride) in shape.iter().zip(strides).rev() {
        at = at.checked_add(rest.checked_rem(*size)?.checked_mul(*stride)?)?;
        rest /= size;
    }
    Some(at)
}

/// One number of a storage.
fn float(kind: &'static str, raw: &[u8]) -> Result<f32, TensorError> {
    match (kind, raw) {
        ("torch.FloatStorage", &[a, b, c, d]) => Ok(f32::from_le_bytes([a, b, c, d])),
        ("torch.HalfStorage", &[a, b]) => Ok(f16::from_le_bytes([a, b]).to_f32()),
        ("torch.BFloat16Storage", &[a, b]) => Ok(bf16::from_le_bytes([a, b]).to_f32()),
        ("torch.DoubleStorage", &[a, b, c, d, e, f, g, h]) => {
            Ok(f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32)
        }
        _ => Err(TensorError::Numbers(kind)),
    }
}
