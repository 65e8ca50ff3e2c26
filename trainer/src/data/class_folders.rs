//! The layout `train/<class>/<file>` and `test/<class>/<file>`.
//!
//! The folder that holds `train` and `test` is the *root* of a data set; it may lie deeper than
//! the folder or archive that was given. Folders of a split may be called `Train` or `TRAIN` too.

use super::archive::{Entry, Files};
use super::error::DataError;
use super::picture::{read_picture, resized};
use super::skipped::{Reason, Skipped};
use rayon::prelude::*;
use std::collections::BTreeMap;
use unstamp_shared::datasets::{Split, SplitName};
use unstamp_shared::image::Image;

/// Names that other programs give to a part of the data that is not used for training.
const OTHER_SPLITS: [&str; 3] = ["val", "valid", "validation"];

/// A picture in the layout.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    /// The split that it belongs to.
    pub split: SplitName,
    /// The name of its class folder.
    pub class: &'a str,
    entry: &'a Entry,
}

/// The pictures in the layout.
#[derive(Debug, Default)]
pub(super) struct Placement<'a> {
    /// In the order of their names.
    pub pictures: Vec<Placed<'a>>,
    /// Pictures elsewhere.
    pub skipped: Skipped,
    /// A folder beside `train` that may be meant as `test`.
    pub other_split: Option<&'a str>,
}

fn split_of(folder: &str) -> Option<SplitName> {
    let names = [SplitName::Train, SplitName::Test];
    names.into_iter().find(|name| folder.eq_ignore_ascii_case(&name.to_string()))
}

/// The folders above split, class and file, if the path has this form.
fn root_of<'p, 'a>(parts: &'p [&'a str]) -> Option<&'p [&'a str]> {
    let above = parts.len().checked_sub(3)?;
    split_of(parts[above]).map(|_| &parts[..above])
}

/// Finds the root and the split and class of each picture.
///
/// # Errors
/// If there are two roots or two spellings of a split, or a picture in a split lies in no class
/// folder or deeper than in one.
pub(super) fn place<'a>(path: &str, files: &'a Files) -> Result<Placement<'a>, DataError> {
    let names = files.entries.iter().map(|entry| entry.name.split('/').collect::<Vec<&str>>());
    let paths: Vec<Vec<&str>> = names.collect();
    let mut roots: BTreeMap<&[&str], usize> = BTreeMap::new();
    for root in paths.iter().filter_map(|parts| root_of(parts)) {
        *roots.entry(root).or_default() += 1;
    }
    // A class may be called `train`: the root that explains most pictures is the right one.
    let likeliest = roots.iter().max_by_key(|(root, count)| (**count, usize::MAX - root.len()));
    let Some((&root, _)) = likeliest else { return Ok(Placement::default()) };
    let mut spellings: BTreeMap<SplitName, &str> = BTreeMap::new();
    let mut placement = Placement { skipped: files.skipped.clone(), ..Placement::default() };
    for (parts, entry) in paths.iter().zip(&files.entries) {
        let below = parts.strip_prefix(root).unwrap_or_default();
        if let Some(split) = below.first().and_then(|folder| split_of(folder)) {
            let [folder, class, _] = *below else {
                return Err(DataError::Misplaced {
                    name: entry.name.clone(),
                    split: split.to_string(),
                });
            };
            let spelling = *spellings.entry(split).or_insert(folder);
            if spelling != folder {
                return Err(DataError::TwoSpellings {
                    path: path.to_string(),
                    first: spelling.to_string(),
                    second: folder.to_string(),
                });
            }
            placement.pictures.push(Placed { split, class, entry });
            continue;
        }
        if let Some(other) = root_of(parts) {
            return Err(DataError::TwoRoots {
                path: path.to_string(),
                first: folder_name(root),
                second: folder_name(other),
            });
        }
        let folder = below.first().filter(|_| below.len() > 1);
        let is_split = |folder: &str| OTHER_SPLITS.iter().any(|o| folder.eq_ignore_ascii_case(o));
        placement.other_split = placement.other_split.or(folder.copied().filter(|f| is_split(f)));
        placement.skipped.add(Reason::Outside, &entry.name);
    }
    Ok(placement)
}

fn folder_name(parts: &[&str]) -> String {
    if parts.is_empty() { "its top".to_string() } else { parts.join("/") }
}

/// Decodes the pictures of both splits on all cores. The label of a picture is the place of its
/// class in `classes`; images are brought to `size` (width, height).
///
/// # Errors
/// If a class is unknown or a picture cannot be decoded.
pub(super) fn decode(
    placed: &[Placed],
    classes: &[String],
    size: (usize, usize),
) -> Result<(Split, Split), DataError> {
    let one = |picture: &Placed| -> Result<(SplitName, (Image, u16)), DataError> {
        let Placed { split, class, entry } = picture;
        let Some(label) = classes.iter().position(|known| known == class) else {
            return Err(DataError::NoClass {
                name: entry.name.clone(),
                class: class.to_string(),
                known: classes.join(", "),
            });
        };
        match read_picture(&entry.bytes) {
            Ok(image) => Ok((*split, (resized(image, size), label as u16))),
            Err(error) => Err(DataError::Picture { name: entry.name.clone(), error }),
        }
    };
    let images: Vec<_> = placed.par_iter().map(one).collect::<Result<_, _>>()?;
    let of = |name: SplitName| {
        let chosen = images.iter().filter(|(split, _)| *split == name).map(|(_, image)| image);
        Split::from_images(size.0, size.1, chosen)
    };
    Ok((of(SplitName::Train), of(SplitName::Test)))
}
