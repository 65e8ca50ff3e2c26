//! Writes a file under a temporary name and renames it, so that no file is ever incomplete.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path`, creating its folder; the file appears whole or not at all. What a
/// killed run leaves of it is called `<name>.part` and overwritten next time. A write that fails, as on a
/// full disk, leaves nothing.
///
/// # Errors
///
/// The folder cannot be created, or the file cannot be written or renamed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = part_of(path);
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&part, bytes)?;
        std::fs::rename(&part, path)
    };
    let written = write();
    if written.is_err() {
        std::fs::remove_file(&part).ok();
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The name of a file or folder while it is written.
pub fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// The paths in a folder, in the order of their names.
///
/// # Errors
///
/// The folder cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let listed: std::io::Result<Vec<PathBuf>> = list();
    let mut paths = listed.with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

/// Reads a whole file.
///
/// # Errors
///
/// The file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a text file.
///
/// # Errors
///
/// The file cannot be read, or it is not UTF-8.
pub fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_keeps_the_old_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write(&path, b"old").expect("written");
        // A folder lies where the file would be renamed to.
        let taken = folder.path().join("taken");
        std::fs::create_dir_all(taken.join("inner")).expect("a folder");
        assert!(write(&taken, b"new").is_err());
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "no part is left");
        assert_eq!(read(&path).expect("readable"), b"old");
    }
}
