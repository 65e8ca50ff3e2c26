//! The classes and functions of pickles that are known here.

use super::{Object, PickleError};
use std::rc::Rc;

/// Every global of checkpoints, of BackdoorBench's records of images (NumPy) and of CIFAR-10's batches.
const KNOWN: &[&str] = &[
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.FloatStorage",
    "torch.HalfStorage",
    "torch.BFloat16Storage",
    "torch.DoubleStorage",
    "torch.LongStorage",
    "torch.IntStorage",
    "torch.ShortStorage",
    "torch.CharStorage",
    "torch.ByteStorage",
    "torch.BoolStorage",
    "torch.ComplexFloatStorage",
    "torch.ComplexDoubleStorage",
    "torch.Size",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
];

/// The global with this name.
pub(super) fn global(module: &str, name: &str) -> Object {
    let full = format!("{module}.{name}");
    match KNOWN.iter().find(|known| **known == full) {
        Some(known) => Object::Global(known),
        None => Object::Unknown(full.into()),
    }
}

/// The result of a call: a dictionary or bytes where a reader needs them, the name of an unknown function, or
/// else the call as data.
pub(super) fn call(function: Object, args: Rc<Vec<Object>>) -> Result<Object, PickleError> {
    let name = match function {
        Object::Global(name) => name,
        Object::Unknown(name) => return Ok(Object::Unknown(name)),
        _ => return Err(PickleError::Broken("it calls a value that is no function")),
    };
    match name {
        "collections.OrderedDict" => Ok(Object::dict()),
        "_codecs.encode" => latin1(&args),
        _ => Ok(Object::Call(name, args, Rc::default())),
    }
}

/// NumPy wraps raw bytes as Latin-1 text for old protocols.
fn latin1(args: &[Object]) -> Result<Object, PickleError> {
    let text = args.first().and_then(Object::text);
    let text = text.ok_or(PickleError::Broken("an encoding without a text"))?;
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
    let bytes: Result<Vec<u8>, _> = bytes.collect();
    let bytes = bytes.map_err(|_| PickleError::Broken("a text that is not Latin-1"))?;
    Ok(Object::Bytes(Rc::new(bytes)))
}
