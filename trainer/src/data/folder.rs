//! Class folders: `train/<class>/*` and `test/<class>/*`.

use super::archive::{self, Entry};
use super::picture::{read_picture, resized};
use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use unstamp_shared::datasets::Split;

/// Whether a path names a picture.
pub fn is_picture(name: &str) -> bool {
    let name = name.to_lowercase();
    [".png", ".jpg", ".jpeg", ".ppm"].iter().any(|ending| name.ends_with(ending))
}

/// `(split, class)` of a path; folders before `train` or `test` do not matter.
fn place(name: &str) -> Option<(&str, &str)> {
    let parts: Vec<_> = name.split('/').collect();
    let at = parts.iter().rposition(|p| matches!(*p, "train" | "test"))?;
    (parts.len() == at + 3).then(|| (parts[at], parts[at + 1]))
}

/// Decodes pictures on all cores into a split of one size.
pub fn decode(entries: &[(&Entry, u16)], size: (usize, usize)) -> Result<Split> {
    let images: Vec<_> = entries
        .par_iter()
        .map(|((name, bytes), label)| {
            let image = read_picture(bytes).with_context(|| format!("{name} cannot be decoded"))?;
            Ok((resized(image, size), *label))
        })
        .collect::<Result<_>>()?;
    let mut split = Split { width: size.0, height: size.1, ..Split::default() };
    images.iter().for_each(|(image, label)| split.push(image, *label));
    Ok(split)
}

/// Both splits of already read entries, with classes in the order of `classes`.
pub fn splits(
    entries: &[Entry],
    classes: &[String],
    size: (usize, usize),
) -> Result<(Split, Split)> {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for entry in entries {
        let Some((split, class)) = place(&entry.0) else { continue };
        let label = classes.iter().position(|c| c == class);
        let label = label
            .with_context(|| format!("{} lies in '{class}', which is no class here", entry.0))?;
        if split == "train" { &mut train } else { &mut test }.push((entry, label as u16));
    }
    Ok((decode(&train, size)?, decode(&test, size)?))
}

/// Loads a folder or archive; classes are the folder names in alphabetical order.
pub fn load(path: &Path, size: (usize, usize)) -> Result<(Split, Split, Vec<String>)> {
    let entries = archive::files(path, is_picture)?;
    let classes: BTreeSet<_> = entries
        .iter()
        .filter_map(|(name, _)| place(name).map(|(_, class)| class.to_string()))
        .collect();
    let classes: Vec<String> = classes.into_iter().collect();
    ensure!(
        classes.len() >= 2,
        "{} has {} classes; at least two folders train/<class> and test/<class> are needed",
        path.display(),
        classes.len()
    );
    let (train, test) = splits(&entries, &classes, size)?;
    Ok((train, test, classes))
}
