//! The user's photographs that [Refool](https://arxiv.org/abs/2007.02343) reflects.

use super::picture::{is_picture, read_picture};
use super::skipped::{Reason, Skipped};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::Arc;
use unstamp_shared::attacks::Pictures;

/// Every picture in a folder, in the order of the names, at its own size. Prints on the error
/// output how many other files were skipped.
///
/// # Errors
/// If the folder cannot be listed or holds no picture, or a picture cannot be read.
pub fn pictures_in(folder: &Path) -> Result<Arc<Pictures>> {
    let (pictures, skipped) = read(folder)?;
    for line in skipped.lines() {
        log::warn!("--reflections: {line}");
    }
    Ok(Arc::new(pictures))
}

fn read(folder: &Path) -> Result<(Pictures, Skipped)> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("--reflections {} cannot be listed", folder.display()))?;
    let mut files = entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    let mut pictures = Pictures::new();
    let mut skipped = Skipped::default();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || !is_picture(&name) {
            let reason = if name.starts_with('.') { Reason::Hidden } else { Reason::Kind };
            skipped.add(reason, &name);
            continue;
        }
        let picture = read_picture(&crate::files::read(&file)?)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        pictures.insert(pictures.len(), picture);
    }
    ensure!(!pictures.is_empty(), "--reflections {} holds no pictures", folder.display());
    Ok((pictures, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_pictures_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [".DS_Store", "Thumbs.db"] {
            std::fs::write(folder.path().join(name), "x").expect("written");
        }
        assert!(read(folder.path()).is_err(), "no pictures");
        let ppm = [&b"P6\n1 1\n255\n"[..], &[7; 3]].concat();
        std::fs::write(folder.path().join("a.ppm"), ppm).expect("written");
        let (pictures, skipped) = read(folder.path()).expect("read");
        assert_eq!(pictures[&0].pixels, [7; 3]);
        assert_eq!((skipped.count(Reason::Hidden), skipped.count(Reason::Kind)), (1, 1));
    }
}
