//! The user's own images in class folders.

use super::archive::{self, Files};
use super::class_folders::{Placed, decode, place};
use super::error::DataError;
use super::picture::is_picture;
use super::{Loaded, Loader, given};
use std::collections::BTreeSet;
use std::path::Path;
use unstamp_shared::datasets::{DatasetInfo, SplitName, folder};

/// Loads class folders; the folders name the classes.
pub(super) struct Folder;

impl Loader for Folder {
    fn info(&self) -> &'static DatasetInfo {
        &folder::INFO
    }

    fn load(&self, path: Option<&Path>, size: (usize, usize)) -> Result<Loaded, DataError> {
        let path = given(path, self.info())?;
        let files = archive::files(path, &is_picture)?;
        read(&path.display().to_string(), &files, size)
    }
}

fn read(path: &str, files: &Files, size: (usize, usize)) -> Result<Loaded, DataError> {
    let placement = place(path, files)?;
    let class_names = classes(path, files, &placement.pictures)?;
    let (train, test) = decode(&placement.pictures, &class_names, size)?;
    let hint = placement
        .other_split
        .map_or(String::new(), |other| format!("; if '{other}' holds them, name that folder test"));
    if test.is_empty() {
        let path = path.to_string();
        return Err(DataError::Empty { id: folder::INFO.id, path, split: "test", hint });
    }
    Ok(Loaded { class_names, train, test, skipped: placement.skipped })
}

/// The classes: by number if all their names are whole numbers, otherwise by the alphabet.
fn classes(path: &str, files: &Files, pictures: &[Placed]) -> Result<Vec<String>, DataError> {
    let names: BTreeSet<&str> = pictures.iter().map(|picture| picture.class).collect();
    let mut names: Vec<String> = names.into_iter().map(str::to_string).collect();
    match names.as_slice() {
        [] => {
            let found = folders_found(files);
            return Err(DataError::NoFolders { path: path.to_string(), found });
        }
        [class] => {
            let class = class.clone();
            return Err(DataError::OneClass { path: path.to_string(), class });
        }
        _ => {}
    }
    let trained: BTreeSet<&str> = pictures
        .iter()
        .filter(|picture| picture.split == SplitName::Train)
        .map(|picture| picture.class)
        .collect();
    let untrained = names.iter().find(|name| !trained.contains(name.as_str()));
    if let Some(class) = untrained.filter(|_| !trained.is_empty()) {
        return Err(DataError::NotTrained { class: class.clone() });
    }
    let numbers: Option<Vec<u64>> = names.iter().map(|name| name.parse().ok()).collect();
    if numbers.is_some() {
        names.sort_by_key(|name| name.parse::<u64>().unwrap_or_default());
    }
    Ok(names)
}

/// The first folders in which pictures lie, for a message.
fn folders_found(files: &Files) -> String {
    let folders = files.entries.iter().filter_map(|entry| entry.name.rsplit_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
    let some: Vec<&str> = folders.iter().take(3).copied().collect();
    match (some.is_empty(), files.entries.is_empty()) {
        (false, _) => format!("; pictures were found in {}", some.join(", ")),
        (true, false) => "; pictures were found in no folder".to_string(),
        (true, true) => "; no pictures were found".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::skipped::Reason;
    use super::*;

    /// Files of these names, each a grey PPM of 2x2 pixels.
    fn files(names: &[&str]) -> Files {
        let mut files = Files::default();
        let mut names = names.to_vec();
        names.sort_unstable();
        for name in names {
            files.push(name.to_string(), [&b"P6\n2 2\n255\n"[..], &[9; 12]].concat());
        }
        files
    }

    fn load(names: &[&str]) -> Result<Loaded, DataError> {
        read("data", &files(names), (2, 2))
    }

    fn refused(names: &[&str]) -> String {
        load(names).expect_err("refused").to_string()
    }

    #[test]
    fn a_class_may_be_called_train() {
        let data = load(&[
            "top/train/bus/0.ppm",
            "top/train/train/0.ppm",
            "top/train/train/1.ppm",
            "top/test/bus/0.ppm",
            "top/test/train/0.ppm",
        ]);
        let data = data.expect("read");
        assert_eq!(data.class_names, ["bus", "train"]);
        assert_eq!(data.train.labels, [0, 1, 1]);
        assert_eq!(data.test.labels, [0, 1]);
    }

    #[test]
    fn folders_above_may_be_called_test() {
        let data =
            load(&["test/my/train/a/0.ppm", "test/my/train/b/0.ppm", "test/my/test/a/0.ppm"]);
        assert_eq!(data.expect("read").class_names, ["a", "b"]);
    }

    #[test]
    fn classes_that_are_numbers_are_in_numeric_order() {
        let data = load(&["train/10/0.ppm", "train/2/0.ppm", "train/1/0.ppm", "test/2/0.ppm"]);
        let data = data.expect("read");
        assert_eq!(data.class_names, ["1", "2", "10"]);
        assert_eq!((data.train.labels, data.test.labels), (vec![0, 2, 1], vec![1]));
        let data = load(&["train/10/0.ppm", "train/9a/0.ppm", "test/10/0.ppm"]).expect("read");
        assert_eq!(data.class_names, ["10", "9a"]);
    }

    #[test]
    fn the_splits_may_begin_with_a_capital() {
        let data = load(&["Train/a/0.ppm", "Train/b/0.ppm", "TEST/a/0.ppm"]).expect("read");
        assert_eq!((data.train.len(), data.test.len()), (2, 1));
        let error = refused(&["Train/a/0.ppm", "train/b/0.ppm", "test/a/0.ppm"]);
        assert!(error.contains("both Train and train"), "{error}");
    }

    #[test]
    fn pictures_that_would_be_lost_are_errors() {
        let deep = ["train/a/0.ppm", "train/b/session/0.ppm", "test/a/0.ppm"];
        let error = refused(&deep);
        assert!(error.contains("train/b/session/0.ppm does not lie in"), "{error}");
        let error = refused(&["train/a/0.ppm", "train/b/0.ppm", "train/0.ppm", "test/a/0.ppm"]);
        assert!(error.contains("train/0.ppm does not lie in"), "{error}");
        let two = ["x/train/a/0.ppm", "x/train/b/0.ppm", "y/train/a/0.ppm", "x/test/a/0.ppm"];
        let error = refused(&two);
        assert!(error.contains("two data sets, in x and in y"), "{error}");
        let error = refused(&["train/a/0.ppm", "train/b/0.ppm", "test/B/0.ppm"]);
        assert!(error.contains("class 'B' has test images but no training images"), "{error}");
    }

    #[test]
    fn a_missing_split_or_class_is_named() {
        let error = refused(&["train/a/0.ppm", "train/b/0.ppm", "val/a/0.ppm"]);
        assert!(error.contains("no test images") && error.contains("name that folder test"));
        let error = refused(&["training/a/0.ppm"]);
        assert!(error.contains("0 classes") && error.contains("found in training/a"), "{error}");
        assert!(refused(&["train/a/0.ppm", "test/a/0.ppm"]).contains("1 class, 'a'"));
    }

    #[test]
    fn pictures_outside_are_counted() {
        let names = ["logo.ppm", "train/a/0.ppm", "train/b/0.ppm", "test/a/0.ppm", "val/a/0.ppm"];
        let data = load(&names).expect("read");
        assert_eq!(data.skipped.count(Reason::Outside), 2);
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_named() {
        let mut all = files(&["train/a/0.ppm", "train/b/0.jpg", "test/a/0.ppm"]);
        all.entries[2].bytes = b"RIFF\x24\0\0\0WEBPVP8 ".to_vec();
        let error = read("data", &all, (2, 2)).expect_err("refused").to_string();
        assert!(error.contains("train/b/0.jpg cannot be decoded: it is a WebP picture"), "{error}");
    }

    #[test]
    fn images_have_the_size_asked_for() {
        let all = files(&["train/a/0.ppm", "train/b/0.ppm", "test/a/0.ppm"]);
        let data = read("data", &all, (6, 4)).expect("read");
        assert_eq!((data.train.width, data.train.height), (6, 4));
        assert_eq!(data.test.bytes(0), [9; 72]);
    }
}
