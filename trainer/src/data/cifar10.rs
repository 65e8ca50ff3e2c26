//! [CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) in its official binary or Python form, or as
//! class folders.
//!
//! Both official forms hold five training batches and one test batch. An image is 3,072 bytes: the
//! red, the green and the blue plane of 32x32 bytes, rows from the top.

use super::archive::{self, Entry, Files};
use super::class_folders::{decode, place};
use super::error::DataError;
use super::fault::Fault;
use super::fetch::Download;
use super::picture::{is_picture, resized};
use super::skipped::Reason;
use super::{Loaded, Loader, given, names};
use crate::import::pickle::{self, Object};
use std::path::Path;
use unstamp_shared::datasets::{DatasetInfo, Split, cifar10};
use unstamp_shared::image::Image;

/// Side of an official image in pixels.
const SIDE: usize = 32;
/// Bytes of one plane.
const PLANE: usize = SIDE * SIDE;
/// Bytes of one image.
const ROW: usize = 3 * PLANE;

/// The batches of the training split, then that of the test split.
const BATCHES: [&str; 6] =
    ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];

/// Official files that are not read.
const COMPANIONS: [&str; 3] = ["batches.meta", "batches.meta.txt", "readme.html"];

/// Loads whichever form the path holds.
pub(super) struct Cifar10;

impl Loader for Cifar10 {
    fn info(&self) -> &'static DatasetInfo {
        &cifar10::INFO
    }

    fn load(&self, path: Option<&Path>, size: (usize, usize)) -> Result<Loaded, DataError> {
        let path = given(path, self.info())?;
        let files = archive::files(path, &|name| {
            let base = base(name);
            COMPANIONS.contains(&base) || batch_of(base).is_some() || is_picture(name)
        })?;
        read(&path.display().to_string(), files, size)
    }

    fn downloads(&self) -> Vec<Download> {
        vec![Download {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz".to_string(),
            file: "cifar-10-binary.tar.gz",
            sha256: Some("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        }]
    }
}

/// The official forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Rows of one label byte and an image, in files that end in `.bin`.
    Binary,
    /// Pickled dictionaries, in files without an ending.
    Python,
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The batch and form that a file name stands for.
fn batch_of(base: &str) -> Option<(usize, Form)> {
    let (stem, form) = match base.strip_suffix(".bin") {
        Some(stem) => (stem, Form::Binary),
        None => (base, Form::Python),
    };
    BATCHES.iter().position(|batch| *batch == stem).map(|batch| (batch, form))
}

fn read(path: &str, mut files: Files, size: (usize, usize)) -> Result<Loaded, DataError> {
    files.entries.retain(|entry| !COMPANIONS.contains(&base(&entry.name)));
    let of = |entry: &Entry| batch_of(base(&entry.name)).map(|(_, form)| form);
    let forms = [Form::Binary, Form::Python];
    match forms.into_iter().find(|form| files.entries.iter().any(|e| of(e) == Some(*form))) {
        Some(form) => batches(path, files, form, size),
        None => class_folders(path, &files, size),
    }
}

fn class_folders(path: &str, files: &Files, size: (usize, usize)) -> Result<Loaded, DataError> {
    let placement = place(path, files)?;
    if placement.pictures.is_empty() {
        return Err(DataError::Missing {
            path: path.to_string(),
            what: "data_batch_1.bin, data_batch_1 or train/<class> and test/<class>".to_string(),
            next: "give the official archive, its folder, or class folders".to_string(),
        });
    }
    let class_names = names(&cifar10::INFO);
    let (train, test) = decode(&placement.pictures, &class_names, size)?;
    Ok(Loaded { class_names, train, test, skipped: placement.skipped })
}

/// Reads the six batches of one form.
fn batches(
    path: &str,
    files: Files,
    form: Form,
    size: (usize, usize),
) -> Result<Loaded, DataError> {
    let mut found: [Option<&Entry>; BATCHES.len()] = [None; BATCHES.len()];
    let mut skipped = files.skipped;
    for entry in &files.entries {
        match batch_of(base(&entry.name)) {
            Some((batch, of)) if of == form => {
                if let Some(first) = found[batch].replace(entry) {
                    let name = format!("{} ({} and {})", BATCHES[batch], first.name, entry.name);
                    return Err(DataError::Twice { path: path.to_string(), name });
                }
            }
            _ => skipped.add(Reason::OtherForm, &entry.name),
        }
    }
    let missing: Vec<&str> =
        BATCHES.iter().zip(&found).filter(|(_, entry)| entry.is_none()).map(|(b, _)| *b).collect();
    if !missing.is_empty() {
        return Err(DataError::Missing {
            path: path.to_string(),
            what: missing.join(", "),
            next: "unpack the official archive again".to_string(),
        });
    }
    let classes = cifar10::CLASSES.len() as u64;
    let mut train = Split::new(size.0, size.1);
    let mut test = Split::new(size.0, size.1);
    for (batch, entry) in found.into_iter().flatten().enumerate() {
        let split = if batch + 1 < BATCHES.len() { &mut train } else { &mut test };
        let rows = match form {
            Form::Binary => binary(&entry.bytes),
            Form::Python => python(&entry.bytes),
        };
        let rows = rows.map_err(|error| DataError::File { name: entry.name.clone(), error })?;
        for (&label, planes) in rows.labels.iter().zip(rows.planes.chunks_exact(ROW)) {
            if label >= classes {
                let last = cifar10::CLASSES.len() - 1;
                return Err(DataError::Label { name: entry.name.clone(), label, last });
            }
            split.push(&resized(image_of(planes), size), label as u16);
        }
    }
    Ok(Loaded { class_names: names(&cifar10::INFO), train, test, skipped })
}

/// An image from its planes.
fn image_of(planes: &[u8]) -> Image {
    let mut image = Image::new(SIDE, SIDE);
    for p in 0..PLANE {
        for c in 0..3 {
            image.pixels[3 * p + c] = planes[c * PLANE + p];
        }
    }
    image
}

/// Labels of a batch, and its images one after another.
struct Batch {
    labels: Vec<u64>,
    planes: Vec<u8>,
}

/// Rows of one label byte and 3,072 bytes of planes.
fn binary(bytes: &[u8]) -> Result<Batch, Fault> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(ROW + 1) {
        return Err(Fault::Rows { row: ROW + 1 });
    }
    let rows = bytes.chunks_exact(ROW + 1);
    Ok(Batch {
        labels: rows.clone().map(|row| u64::from(row[0])).collect(),
        planes: rows.flat_map(|row| &row[1..]).copied().collect(),
    })
}

/// A pickled dict with `data` (a numpy array `[n, 3072]` of bytes) and `labels`.
fn python(bytes: &[u8]) -> Result<Batch, Fault> {
    let pickle = pickle::read(bytes)?;
    let dict = &pickle.value;
    let labels = dict.get("labels").ok_or(Fault::NoLabels)?.items();
    let labels = labels.iter().map(|label| u64::try_from(label.int()?).ok());
    let labels: Vec<u64> = labels.collect::<Option<_>>().ok_or(Fault::Label)?;
    let Some(Object::Call(_, _, state)) = dict.get("data") else {
        return Err(Fault::NoArray);
    };
    // ndarray.__setstate__ takes version, shape, type, whether stored by columns, and bytes.
    let state = state.borrow().as_ref().map(Object::items).unwrap_or_default();
    let Some(Object::Bytes(planes)) = state.get(4) else {
        return Err(Fault::NoBytes);
    };
    if matches!(state.get(3), Some(Object::Bool(true))) {
        return Err(Fault::ByColumns);
    }
    if labels.is_empty() || planes.len() != labels.len() * ROW {
        return Err(Fault::Counts { labels: labels.len(), bytes: planes.len() });
    }
    Ok(Batch { labels, planes: planes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A binary batch of one image whose bytes are its label.
    fn batch(name: &str, label: u8) -> Entry {
        Entry { name: name.to_string(), bytes: vec![label; ROW + 1] }
    }

    fn official() -> Files {
        let mut files = Files::default();
        for (label, name) in BATCHES.iter().enumerate() {
            files.entries.push(batch(&format!("cifar/{name}.bin"), label as u8));
        }
        files
    }

    fn refused(files: Files) -> String {
        read("data", files, (SIDE, SIDE)).expect_err("refused").to_string()
    }

    #[test]
    fn planes_become_pixels() {
        let mut files = official();
        files.entries[0].bytes[1] = 200;
        files.entries[0].bytes[1 + PLANE + 33] = 100;
        let data = read("data", files, (SIDE, SIDE)).expect("read");
        assert_eq!(data.train.labels, [0, 1, 2, 3, 4]);
        assert_eq!(data.test.labels, [5]);
        let image = data.train.image(0);
        assert_eq!(image.get(0, 0), [200, 0, 0]);
        assert_eq!(image.get(1, 1), [0, 100, 0]);
    }

    #[test]
    fn a_missing_batch_is_named() {
        let mut files = official();
        files.entries.drain(2..4);
        let error = refused(files);
        assert!(error.contains("holds no data_batch_3, data_batch_4; unpack"), "{error}");
    }

    #[test]
    fn two_copies_are_refused() {
        let mut files = official();
        files.entries.push(batch("copy/data_batch_2.bin", 1));
        let error = refused(files);
        assert!(error.contains("cifar/data_batch_2.bin and copy/data_batch_2.bin"), "{error}");
    }

    #[test]
    fn another_form_is_counted_and_companions_are_not() {
        let mut files = official();
        for name in ["py/data_batch_1", "train/cat/0.png", "cifar/batches.meta.txt"] {
            files.entries.push(batch(name, 0));
        }
        let data = read("data", files, (SIDE, SIDE)).expect("read");
        assert_eq!(data.skipped.count(Reason::OtherForm), 2);
        assert_eq!(data.skipped.lines().count(), 1);
    }

    #[test]
    fn broken_batches_are_named() {
        let mut files = official();
        files.entries[1].bytes[0] = 10;
        let error = refused(files);
        assert!(
            error.contains("cifar/data_batch_2.bin: label 10 is out of range 0 to 9"),
            "{error}"
        );
        let mut files = official();
        files.entries[1].bytes.pop();
        let error = refused(files);
        assert!(error.contains("its size is no multiple of 3073"), "{error}");
    }
}
