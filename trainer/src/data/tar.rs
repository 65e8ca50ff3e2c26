//! Tar archives. Links inside an archive are read as the files that they name.

use super::archive::{Files, Wanted, broken, shown};
use super::bounded::{Bounded, too_large};
use super::error::DataError;
use super::names::{folders_of, plain};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Links that lead from link to link are followed so far.
const LONGEST_CHAIN: usize = 16;

/// Reads the wanted files of an archive, together at most `most` bytes. What is skipped counts too, because it is
/// unpacked as well. A sparse file or a link can be longer than its part of the archive.
///
/// # Errors
/// If the archive is damaged, or a wanted link names no file that is read.
pub(super) fn read(
    reader: impl Read,
    path: &Path,
    most: u64,
    wanted: Wanted,
    found: &mut Files,
) -> Result<(), DataError> {
    let mut archive = tar::Archive::new(Bounded::new(reader, most));
    let mut left = most;
    let mut links = BTreeMap::new();
    let mut contents = BTreeMap::new();
    for entry in archive.entries().map_err(|error| broken(path, error))? {
        let entry = entry.map_err(|error| broken(path, error))?;
        let name = {
            let raw = entry.path().map_err(|error| broken(path, error))?;
            plain("", &raw.to_string_lossy()).map_err(|error| broken(path, error))?
        };
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(|error| broken(path, error))?;
            let target = target.map(|t| t.to_string_lossy().into_owned()).unwrap_or_default();
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let base = if kind.is_symlink() { folder } else { "" };
            let target = plain(base, &target).map_err(|error| broken(path, error))?;
            links.insert(name, target);
        } else if (kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse())
            && found.takes(&name, wanted)
        {
            let mut bytes = Vec::new();
            let mut entry = Bounded::new(entry, left);
            entry.read_to_end(&mut bytes).map_err(|error| broken(path, error))?;
            left = entry.left();
            if contents.insert(name.clone(), bytes).is_some() {
                return Err(DataError::Twice { path: shown(path), name });
            }
        }
    }
    resolve(&links, &contents, path, left, wanted, found)?;
    for (name, bytes) in contents {
        found.push(name, bytes);
    }
    Ok(())
}

/// Adds a copy for each wanted link, together at most `left` bytes.
fn resolve(
    links: &BTreeMap<String, String>,
    contents: &BTreeMap<String, Vec<u8>>,
    path: &Path,
    mut left: u64,
    wanted: Wanted,
    found: &mut Files,
) -> Result<(), DataError> {
    let folders: BTreeSet<&str> = contents.keys().flat_map(|name| folders_of(name)).collect();
    for (name, first) in links {
        let mut target = first;
        for _ in 0..LONGEST_CHAIN {
            match links.get(target) {
                Some(next) => target = next,
                None => break,
            }
        }
        let to_folder = folders.contains(target.as_str());
        if !to_folder && !found.takes(name, wanted) {
            continue;
        }
        match contents.get(target) {
            Some(bytes) if !to_folder => {
                let rest = left.checked_sub(bytes.len() as u64);
                left = rest.ok_or_else(|| broken(path, too_large()))?;
                found.push(name.clone(), bytes.clone());
            }
            _ => {
                return Err(DataError::Link {
                    path: shown(path),
                    name: name.clone(),
                    target: target.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than the archives here.
    const MOST: u64 = 1 << 20;

    fn wanted(name: &str) -> bool {
        name.ends_with(".png")
    }

    /// An archive of one file `top/a/0.png` and links.
    fn archive(links: &[(tar::EntryType, &str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        builder.append_data(&mut header, "./top/a/0.png", &b"ab"[..]).expect("packed");
        for (kind, name, target) in links {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(0);
            builder.append_link(&mut header, name, target).expect("packed");
        }
        builder.into_inner().expect("packed")
    }

    fn read_all(links: &[(tar::EntryType, &str, &str)]) -> Result<Files, DataError> {
        let mut found = Files::default();
        read(archive(links).as_slice(), Path::new("x.tar"), MOST, &wanted, &mut found)?;
        Ok(found)
    }

    #[test]
    fn links_are_read_as_their_files() {
        let links = [
            (tar::EntryType::Link, "top/a/1.png", "top/a/0.png"),
            (tar::EntryType::Symlink, "top/b/2.png", "../a/1.png"),
            (tar::EntryType::Symlink, "readme", "top/a/0.png"),
        ];
        let found = read_all(&links).expect("read");
        let mut names: Vec<&str> = found.entries.iter().map(|e| e.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["top/a/0.png", "top/a/1.png", "top/b/2.png"]);
        assert!(found.entries.iter().all(|entry| entry.bytes == b"ab"));
    }

    #[test]
    fn copies_of_links_count() {
        // Alone it is below the limit, twice it is beyond.
        let picture = vec![7; 600 << 10];
        let with_links = |links: usize| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(picture.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, "0.png", &picture[..]).expect("packed");
            for link in 1..=links {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::Link);
                header.set_size(0);
                builder.append_link(&mut header, format!("{link}.png"), "0.png").expect("packed");
            }
            let bytes = builder.into_inner().expect("packed");
            read(&bytes[..], Path::new("x.tar"), MOST, &wanted, &mut Files::default())
        };
        assert!(with_links(0).is_ok());
        let error = with_links(1).expect_err("refused").to_string();
        assert!(error.contains("times larger than the archive"), "{error}");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        for (name, target) in [("top/b/2.png", "../c/3.png"), ("top/c", "a"), ("l.png", "l.png")] {
            let link = (tar::EntryType::Symlink, name, target);
            let error = read_all(&[link]).expect_err("refused").to_string();
            assert!(error.contains(&format!("{name} is a link to")), "{error}");
        }
    }
}
