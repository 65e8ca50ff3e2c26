//! PyTorch checkpoints (zip and legacy) and foreign safetensors as Unstamp weights.

pub mod pickle;

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use pickle::Object;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::Path;
use unstamp_shared::model::weights::{self, Array, Arrays, Metadata};

/// First bytes of PyTorch's format before 1.6: a pickled magic number.
const LEGACY: &[u8] =
    &[0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Reads weights from any of the formats, with our metadata where there are some.
pub fn weights_of(path: &Path) -> Result<(Arrays, Option<Metadata>)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = || -> Result<_> {
        if bytes.starts_with(b"PK") {
            return Ok((from_zip(&bytes)?, None));
        }
        if bytes.starts_with(LEGACY) {
            return Ok((from_legacy(&bytes)?, None));
        }
        // A safetensors file begins with the length of its JSON head, which may look like a pickle.
        if bytes.first() == Some(&0x80) && bytes.get(8) != Some(&b'{') {
            bail!("it is a pickle, but not of a PyTorch checkpoint");
        }
        Ok(weights::from_bytes(&bytes)?)
    };
    read().with_context(|| format!("{} cannot be used", path.display()))
}

/// Raw bytes of one storage, by its key.
type Storages = HashMap<String, Vec<u8>>;

fn from_zip(bytes: &[u8]) -> Result<Arrays> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).context("the zip archive is broken")?;
    let (mut head, mut storages) = (None, Storages::new());
    for i in 0..archive.len() {
        let mut file = archive.by_index(i).context("the zip archive is broken")?;
        let name = file.name().to_string();
        let mut content = Vec::new();
        file.read_to_end(&mut content).context("the zip archive is broken")?;
        if name.ends_with("/data.pkl") {
            head = Some(content);
        } else if let Some((_, key)) = name.rsplit_once("/data/") {
            storages.insert(key.to_string(), content);
        }
    }
    let (object, _) = pickle::read(&head.context("it is a zip, but not a PyTorch checkpoint")?)?;
    state_dict(&object, &storages)
}

fn from_legacy(bytes: &[u8]) -> Result<Arrays> {
    let mut at = 0;
    let mut next = || -> Result<(Object, usize)> {
        let (object, used) = pickle::read(&bytes[at..])?;
        at += used;
        Ok((object, at))
    };
    for _ in 0..3 {
        next()?; // magic number, protocol, machine
    }
    let (object, _) = next()?;
    let (keys, mut at) = next()?;
    let sizes = storage_sizes(&object);
    let mut storages = Storages::new();
    for key in keys.items() {
        let key = key.text().context("a storage without a key")?;
        let width = sizes.get(&key).copied().context("a storage nobody uses")?;
        let head = bytes.get(at..at + 8).context("the file is truncated")?;
        let size = u64::from_le_bytes(head.try_into()?) as usize;
        let end = size.checked_mul(width).and_then(|n| n.checked_add(at + 8));
        let data = end.and_then(|end| bytes.get(at + 8..end)).context("the file is truncated")?;
        at += 8 + data.len();
        storages.insert(key, data.to_vec());
    }
    state_dict(&object, &storages)
}

/// Bytes an element of every storage takes.
fn storage_sizes(object: &Object) -> HashMap<String, usize> {
    let mut sizes = HashMap::new();
    let mut todo = vec![object.clone()];
    while let Some(object) = todo.pop() {
        match &object {
            Object::Persistent(id) => {
                if let Some((kind, key, _)) = storage(id) {
                    sizes.insert(key, width(kind));
                }
            }
            Object::Call(_, args, _) => todo.extend(args.iter().cloned()),
            Object::Dict(pairs) => todo.extend(pairs.borrow().iter().map(|(_, v)| v.clone())),
            _ => todo.extend(object.items()),
        }
    }
    sizes
}

/// `('storage', torch.FloatStorage, key, location, size, ...)`.
fn storage(id: &Object) -> Option<(&'static str, String, usize)> {
    let items = id.items();
    match (items.first()?.text()?.as_str(), items.get(1)?, items.get(2)?, items.get(4)?) {
        ("storage", Object::Global(kind), key, size) => {
            Some((kind, key.text()?, usize::try_from(size.int()?).ok()?))
        }
        _ => None,
    }
}

fn width(kind: &str) -> usize {
    match kind {
        "torch.HalfStorage" => 2,
        "torch.DoubleStorage" | "torch.LongStorage" => 8,
        _ => 4,
    }
}

/// The dictionary of tensors: at the top, or under `state_dict`, `model` or `net`.
fn state_dict(object: &Object, storages: &Storages) -> Result<Arrays> {
    let nested =
        ["state_dict", "model_state_dict", "model", "net"].iter().find_map(|k| object.get(k));
    let pairs = nested.as_ref().unwrap_or(object).pairs().context("it holds no state_dict")?;
    let mut arrays = Arrays::new();
    for (key, value) in pairs {
        let name = key.text().context("a tensor without a name")?;
        let name = name.strip_prefix("module.").unwrap_or(&name).to_string();
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        let array = tensor(&value, storages).with_context(|| format!("'{name}' is no tensor"))?;
        arrays.insert(name, array);
    }
    ensure!(!arrays.is_empty(), "its state_dict is empty");
    Ok(arrays)
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, ...)`, possibly inside a parameter.
fn tensor(object: &Object, storages: &Storages) -> Result<Array> {
    let Object::Call(name, args, _) = object else { bail!("it is something else") };
    if *name == "torch._utils._rebuild_parameter" {
        return tensor(args.first().context("an empty parameter")?, storages);
    }
    ensure!(*name == "torch._utils._rebuild_tensor_v2", "it is a {name}");
    let [Object::Persistent(id), offset, size, stride, ..] = args.as_slice() else {
        bail!("its record is incomplete")
    };
    let (kind, key, _) = storage(id).context("its storage is unknown")?;
    let bytes = storages.get(&key).context("its numbers are missing from the file")?;
    let whole = |o: &Object| o.int().and_then(|v| usize::try_from(v).ok()).context("a bad size");
    let shape = size.items().iter().map(whole).collect::<Result<Vec<_>>>()?;
    let stride = stride.items().iter().map(whole).collect::<Result<Vec<_>>>()?;
    let count = shape.iter().try_fold(1usize, |n, s| n.checked_mul(*s)).context("a bad size")?;
    ensure!(
        shape.len() == stride.len() && count <= bytes.len(),
        "its shape does not fit its numbers"
    );
    let (offset, width) = (whole(offset)?, width(kind));
    let mut values = Vec::with_capacity(count);
    for i in 0..count {
        let (mut rest, mut at) = (i, offset);
        for (size, stride) in shape.iter().zip(&stride).rev() {
            at = rest
                .checked_rem(*size)
                .and_then(|r| r.checked_mul(*stride))
                .and_then(|d| at.checked_add(d))
                .context("a bad stride")?;
            rest /= size;
        }
        let range = at.checked_mul(width).and_then(|from| bytes.get(from..from + width));
        let raw = range.context("its shape does not fit its numbers")?;
        values.push(match kind {
            "torch.HalfStorage" => f16::from_le_bytes(raw.try_into()?).to_f32(),
            "torch.DoubleStorage" => f64::from_le_bytes(raw.try_into()?) as f32,
            "torch.FloatStorage" => f32::from_le_bytes(raw.try_into()?),
            _ => bail!("it holds whole numbers"),
        });
    }
    Ok(Array { shape, values })
}
