//! Zip archives.

use super::archive::{Files, Wanted, broken, shown};
use super::bounded::Bounded;
use super::error::DataError;
use super::names::plain;
use std::io::{Read, Seek};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// Reads the wanted files of an archive, together at most `most` bytes. Old versions of Windows write names with `\`.
///
/// # Errors
/// If the archive is damaged or a wanted file is packed in a way that is not read.
pub(super) fn read(
    file: impl Read + Seek,
    path: &Path,
    most: u64,
    wanted: Wanted,
    found: &mut Files,
) -> Result<(), DataError> {
    let mut archive = ZipArchive::new(file).map_err(|error| broken(path, error))?;
    let mut left = most;
    for i in 0..archive.len() {
        let raw = archive.by_index_raw(i).map_err(|error| broken(path, error))?;
        let raw_name = raw.name().replace('\\', "/");
        let method = raw.compression();
        let encrypted = raw.encrypted();
        drop(raw);
        let name = plain("", &raw_name).map_err(|error| broken(path, error))?;
        if raw_name.ends_with('/') || !found.takes(&name, wanted) {
            continue;
        }
        if let Some(method) = unread_packing(method, encrypted) {
            return Err(DataError::Packing { path: shown(path), name, method });
        }
        let entry = archive.by_index(i).map_err(|error| broken(path, error))?;
        let mut entry = Bounded::new(entry, left);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| broken(path, error))?;
        left = entry.left();
        found.push(name, bytes);
    }
    Ok(())
}

/// The name of a compression method that is not supported; `None` if it is.
fn unread_packing(method: CompressionMethod, encrypted: bool) -> Option<String> {
    if encrypted {
        return Some("a password".to_string());
    }
    // Numbers of section 4.4.5 of the format's description,
    // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
    #[expect(deprecated, reason = "the number is needed for the name")]
    match method {
        CompressionMethod::Stored | CompressionMethod::Deflated => None,
        CompressionMethod::Unsupported(9) => Some("Deflate64".to_string()),
        CompressionMethod::Unsupported(12) => Some("BZip2".to_string()),
        CompressionMethod::Unsupported(14) => Some("LZMA".to_string()),
        CompressionMethod::Unsupported(93) => Some("Zstandard".to_string()),
        CompressionMethod::Unsupported(95) => Some("XZ".to_string()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;

    fn archive(name: &str) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, SimpleFileOptions::default()).expect("packed");
        writer.write_all(b"ab").expect("packed");
        writer.finish().expect("packed").into_inner()
    }

    #[test]
    fn names_with_backslashes_are_paths() {
        let mut found = Files::default();
        let bytes = archive("..\\train\\cat\\0.png");
        read(Cursor::new(bytes), Path::new("x.zip"), 2, &|_| true, &mut found).expect("read");
        assert_eq!(found.entries[0].name, "train/cat/0.png");
        assert_eq!(found.entries[0].bytes, b"ab");
    }

    #[test]
    fn another_packing_is_named() {
        let mut bytes = archive("0.png");
        // The method stands 8 bytes into the local header and 10 into the central one.
        bytes[8] = 14;
        let central = bytes.windows(4).position(|at| at == b"PK\x01\x02").expect("a directory");
        bytes[central + 10] = 14;
        let mut found = Files::default();
        let error = read(Cursor::new(bytes), Path::new("x.zip"), 2, &|_| true, &mut found);
        let error = error.expect_err("refused").to_string();
        assert!(
            error.contains("0.png is packed with LZMA") && !error.contains("broken"),
            "{error}"
        );
    }
}
