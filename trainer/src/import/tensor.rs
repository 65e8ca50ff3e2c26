//! A tensor of a checkpoint as an array of 32-bit floats.

use super::TensorError;
use super::pickle::Object;
use super::storage::{Storages, storage, width};
use half::{bf16, f16};
use unstamp_shared::model::weights::Array;

/// PyTorch's function that makes a dense tensor of `storage, offset, size, stride, ...`.
const DENSE: &str = "torch._utils._rebuild_tensor_v2";

/// PyTorch's function that makes a parameter of a tensor.
const PARAMETER: &str = "torch._utils._rebuild_parameter";

/// Dimensions of a tensor; convolutions have four.
const MOST_DIMENSIONS: usize = 8;

/// The arguments of `_rebuild_tensor_v2`, possibly inside a parameter.
fn arguments(object: &Object) -> Result<&[Object], TensorError> {
    let Object::Call(name, args, _) = object else { return Err(other(object)) };
    match (*name, args.as_slice()) {
        (DENSE, args) => Ok(args),
        // A parameter inside a parameter would be a loop.
        (PARAMETER, [Object::Call(DENSE, args, _), ..]) => Ok(args),
        (PARAMETER, _) => Err(TensorError::Incomplete),
        _ => Err(TensorError::Other),
    }
}

/// The fault of a value that is no dense tensor.
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
    let Ok([Object::Persistent(id), _, size, ..]) = arguments(object) else { return 0 };
    let is_float = storage(id).is_some_and(|(kind, _)| is_float(kind));
    let shape = whole_numbers(size).ok().filter(|shape| is_float && !shape.is_empty());
    shape.and_then(|shape| count(&shape)).unwrap_or(0)
}

/// The number of elements of this shape; none if it is too large for the machine.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size))
}

/// Reads a dense tensor, possibly inside a parameter.
pub(super) fn tensor(object: &Object, storages: &Storages) -> Result<Array, TensorError> {
    let [Object::Persistent(id), offset, size, stride, ..] = arguments(object)? else {
        return Err(TensorError::Incomplete);
    };
    let (kind, key) = storage(id).ok_or(TensorError::Incomplete)?;
    let bytes = storages.get(&key).ok_or(TensorError::Missing)?;
    let offset = whole(offset)?;
    let shape = whole_numbers(size)?;
    let strides = whole_numbers(stride)?;
    let count = count(&shape).filter(|count| shape.len() == strides.len() && *count <= bytes.len());
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

/// The numbers of a tuple, or of PyTorch's `Size`, which holds one.
fn whole_numbers(list: &Object) -> Result<Vec<usize>, TensorError> {
    let numbers = match list {
        Object::Call(_, args, _) => args.first().map_or(&[][..], Object::tuple),
        other => other.tuple(),
    };
    // Many tensors may share one long tuple.
    if numbers.len() > MOST_DIMENSIONS {
        return Err(TensorError::Shape);
    }
    numbers.iter().map(whole).collect()
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

/// Whether numbers of this kind of storage are read.
fn is_float(kind: &'static str) -> bool {
    float(kind, &[0; 16][..width(kind)]).is_ok()
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
