//! CIFAR-10 in its official binary or python form, or as class folders.

use super::archive::{self, Entry};
use super::folder;
use crate::import::pickle::{self, Object};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::datasets::{Split, dataset};
use unstamp_shared::image::Image;

const SIDE: usize = 32;
const ROW: usize = 3 * SIDE * SIDE;

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Loads whichever form `path` holds.
pub fn load(path: &Path) -> Result<(Split, Split)> {
    let entries = archive::files(path, |name| {
        let base = base(name);
        base.starts_with("data_batch_")
            || base.starts_with("test_batch")
            || folder::is_picture(name)
    })?;
    let some = |name: &str| entries.iter().any(|(n, _)| base(n) == name);
    if some("data_batch_1.bin") || some("test_batch.bin") {
        return batches(&entries, ".bin", binary).with_context(|| format!("in {}", path.display()));
    }
    if some("data_batch_1") || some("test_batch") {
        return batches(&entries, "", python).with_context(|| format!("in {}", path.display()));
    }
    let classes: Vec<String> =
        dataset("cifar10").map_or(&[][..], |d| d.classes).iter().map(|c| c.to_string()).collect();
    let (train, test) = folder::splits(&entries, &classes, (SIDE, SIDE))?;
    ensure!(
        !train.is_empty() && !test.is_empty(),
        "{} holds neither data_batch_1.bin, data_batch_1 nor train/<class> and test/<class>",
        path.display()
    );
    Ok((train, test))
}

/// Reads `data_batch_1..5` and `test_batch` with one row reader.
fn batches(
    entries: &[Entry],
    ending: &str,
    read: fn(&[u8], &mut Split) -> Result<()>,
) -> Result<(Split, Split)> {
    let blank = || Split { width: SIDE, height: SIDE, ..Split::default() };
    let (mut train, mut test) = (blank(), blank());
    for (name, bytes) in entries {
        let base = base(name);
        let Some(stem) = base.strip_suffix(ending).filter(|s| !s.contains('.')) else { continue };
        let split = if stem.starts_with("data_batch_") { &mut train } else { &mut test };
        read(bytes, split).with_context(|| format!("{name} is broken"))?;
    }
    Ok((train, test))
}

/// One image: three planes, red first, row by row.
fn push(split: &mut Split, planes: &[u8], label: u8) -> Result<()> {
    ensure!(label < 10, "label {label} is out of range 0 to 9");
    let mut image = Image::new(SIDE, SIDE);
    for p in 0..SIDE * SIDE {
        for c in 0..3 {
            image.pixels[3 * p + c] = planes[c * SIDE * SIDE + p];
        }
    }
    split.push(&image, u16::from(label));
    Ok(())
}

/// Rows of one label byte and 3,072 pixel bytes.
fn binary(bytes: &[u8], split: &mut Split) -> Result<()> {
    ensure!(
        !bytes.is_empty() && bytes.len().is_multiple_of(ROW + 1),
        "its size is no multiple of {}",
        ROW + 1
    );
    bytes.chunks_exact(ROW + 1).try_for_each(|row| push(split, &row[1..], row[0]))
}

/// A pickled dict with `data` (a numpy array `[n, 3072]` of bytes) and `labels`.
fn python(bytes: &[u8], split: &mut Split) -> Result<()> {
    let (dict, _) = pickle::read(bytes)?;
    let labels = dict.get("labels").context("it has no labels")?.items();
    let data = dict.get("data").context("it has no data")?;
    let Object::Call(_, _, state) = &data else { anyhow::bail!("its data is no numpy array") };
    // ndarray.__setstate__: (version, shape, dtype, fortran order, bytes)
    let state = state.borrow().as_ref().map(Object::items).unwrap_or_default();
    let (Some(Object::Bytes(pixels)), fortran) = (state.get(4), state.get(3)) else {
        anyhow::bail!("its numpy array has no bytes")
    };
    ensure!(!matches!(fortran, Some(Object::Bool(true))), "its array is stored by columns");
    ensure!(
        pixels.len() == labels.len() * ROW,
        "{} labels for {} bytes",
        labels.len(),
        pixels.len()
    );
    for (row, label) in pixels.chunks_exact(ROW).zip(&labels) {
        let label =
            label.int().and_then(|l| u8::try_from(l).ok()).context("a label is no class")?;
        push(split, row, label)?;
    }
    Ok(())
}
