//! Files of a folder, a tar archive (plain, .gz, .zst) or a zip archive, one way for all.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A file's path inside the folder or archive, with `/`, and its bytes.
pub type Entry = (String, Vec<u8>);

/// Every file whose path `wanted` accepts, sorted by path.
pub fn files(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    if path.is_dir() {
        walk(path, path, &wanted, &mut found)?;
    } else {
        let open = || File::open(path).map(BufReader::new);
        let file = open().with_context(|| format!("cannot open {}", path.display()))?;
        let name = path.to_string_lossy().to_lowercase();
        let read = match name.as_str() {
            n if n.ends_with(".tar.gz") || n.ends_with(".tgz") => {
                untar(flate2::read::GzDecoder::new(file), &wanted)
            }
            n if n.ends_with(".tar.zst") => ruzstd::decoding::StreamingDecoder::new(file)
                .map_err(|e| anyhow::anyhow!("{e}"))
                .and_then(|decoder| untar(decoder, &wanted)),
            n if n.ends_with(".tar") => untar(file, &wanted),
            n if n.ends_with(".zip") => unzip(file, &wanted),
            _ => bail!(
                "{} is neither a folder nor a .tar, .tar.gz, .tar.zst or .zip",
                path.display()
            ),
        };
        found = read.with_context(|| format!("{} is broken or truncated", path.display()))?;
    }
    found.sort();
    Ok(found)
}

fn walk(
    root: &Path,
    folder: &Path,
    wanted: &impl Fn(&str) -> bool,
    found: &mut Vec<Entry>,
) -> Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, wanted, found)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        if wanted(&name) {
            found.push((name, crate::files::read(&path)?));
        }
    }
    Ok(())
}

fn untar(reader: impl Read, wanted: &impl Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() && wanted(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.push((name, bytes));
        }
    }
    Ok(found)
}

fn unzip(file: BufReader<File>, wanted: &impl Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let mut archive = zip::ZipArchive::new(file)?;
    let mut found = Vec::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i)?;
        if entry.is_file() && wanted(entry.name()) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.push((entry.name().to_string(), bytes));
        }
    }
    Ok(found)
}
