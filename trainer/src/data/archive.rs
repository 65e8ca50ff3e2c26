//! The files of a folder, a tar archive (plain, .gz, .zst) or a zip archive.
//!
//! Names are paths inside the folder or archive with `/` between components. A folder that holds
//! no wanted file but archives is read as the archives together: `unstamp data fetch` and other
//! programs leave such folders.

use super::bounded::limit;
use super::error::DataError;
use super::names::is_hidden;
use super::skipped::{Reason, Skipped};
use super::{tar, zip};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path inside the folder or archive.
    pub name: String,
    /// The file's content.
    pub bytes: Vec<u8>,
}

/// The wanted files of a data set, and the numbers of skipped files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Wanted files, sorted by name.
    pub entries: Vec<Entry>,
    /// The other files.
    pub skipped: Skipped,
}

/// Decides whether a file is read, by its path inside the folder or archive.
pub type Wanted<'a> = &'a dyn Fn(&str) -> bool;

impl Files {
    /// Whether the file with this name is read. Counts it as skipped if it is not.
    pub(super) fn takes(&mut self, name: &str, wanted: Wanted) -> bool {
        let reason = if is_hidden(name) { Reason::Hidden } else { Reason::Kind };
        let taken = reason == Reason::Kind && wanted(name);
        if !taken {
            self.skipped.add(reason, name);
        }
        taken
    }

    /// Adds a file that was read.
    pub(super) fn push(&mut self, name: String, bytes: Vec<u8>) {
        self.entries.push(Entry { name, bytes });
    }
}

/// Reads every wanted file of a folder or archive.
///
/// # Errors
/// If the path cannot be read, is of another kind, or holds one name twice.
pub fn files(path: &Path, wanted: Wanted) -> Result<Files, DataError> {
    let mut found = Files::default();
    if path.is_dir() {
        walk(path, path, wanted, &mut Vec::new(), &mut found)?;
        if found.entries.is_empty() {
            let archives = archives_in(path)?;
            if !archives.is_empty() {
                found = Files::default();
            }
            for archive in archives {
                unpack(&archive, wanted, &mut found)?;
            }
        }
    } else {
        unpack(path, wanted, &mut found)?;
    }
    found.entries.sort_by(|a, b| a.name.cmp(&b.name));
    match found.entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(DataError::Twice { path: shown(path), name: pair[0].name.clone() }),
        None => Ok(found),
    }
}

/// The kinds of archives that are read.
#[derive(Clone, Copy)]
enum Kind {
    Tar,
    TarGz,
    TarZst,
    Zip,
}

fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.to_string_lossy().to_lowercase();
    let kinds = [
        (".tar", Kind::Tar),
        (".tar.gz", Kind::TarGz),
        (".tgz", Kind::TarGz),
        (".tar.zst", Kind::TarZst),
        (".zip", Kind::Zip),
    ];
    kinds.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, kind)| kind)
}

/// Archives that lie directly in a folder.
fn archives_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = std::fs::read_dir(folder).map_err(|error| not_opened(folder, error))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    let mut paths = paths.map_err(|error| not_opened(folder, error))?;
    paths.retain(|path| path.is_file() && kind_of(path).is_some());
    paths.sort();
    Ok(paths)
}

fn unpack(path: &Path, wanted: Wanted, found: &mut Files) -> Result<(), DataError> {
    let file = File::open(path).map_err(|error| not_opened(path, error))?;
    let length = file.metadata().map_err(|error| not_opened(path, error))?.len();
    let most = limit(length);
    let file = BufReader::new(file);
    match kind_of(path) {
        Some(Kind::Tar) => tar::read(file, path, most, wanted, found),
        // Programs that compress on several cores write one member for each piece.
        Some(Kind::TarGz) => {
            let decoder = flate2::read::MultiGzDecoder::new(file);
            tar::read(decoder, path, most, wanted, found)
        }
        Some(Kind::TarZst) => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(file)
                .map_err(|error| broken(path, error))?;
            tar::read(decoder, path, most, wanted, found)
        }
        Some(Kind::Zip) => zip::read(file, path, most, wanted, found),
        None => Err(DataError::NoArchive { path: shown(path) }),
    }
}

/// Reads the wanted files of a folder and of the folders in it. `above` holds the folders on the
/// way, so that a link back to one of them is noticed.
fn walk(
    root: &Path,
    folder: &Path,
    wanted: Wanted,
    above: &mut Vec<PathBuf>,
    found: &mut Files,
) -> Result<(), DataError> {
    let real = folder.canonicalize().map_err(|error| not_opened(folder, error))?;
    if above.contains(&real) {
        found.skipped.add(Reason::Loop, &name_in(root, folder));
        return Ok(());
    }
    above.push(real);
    let entries = std::fs::read_dir(folder).map_err(|error| not_opened(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| not_opened(folder, error))?.path();
        if path.is_dir() {
            walk(root, &path, wanted, above, found)?;
            continue;
        }
        let name = name_in(root, &path);
        if found.takes(&name, wanted) {
            let bytes = std::fs::read(&path).map_err(|error| not_opened(&path, error))?;
            found.push(name, bytes);
        }
    }
    above.pop();
    Ok(())
}

fn name_in(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// A path as messages show it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn not_opened(path: &Path, error: std::io::Error) -> DataError {
    let hint = match path.starts_with("~") {
        true => "; the shell did not replace ~, so write your home folder's name instead",
        false => "",
    };
    DataError::Open { path: shown(path), error, hint }
}

/// The error of a damaged archive.
pub(super) fn broken(path: &Path, error: impl Into<super::fault::Fault>) -> DataError {
    DataError::Broken { path: shown(path), error: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn text(name: &str) -> bool {
        name.ends_with(".txt")
    }

    fn names(path: &Path) -> Result<Vec<String>, DataError> {
        Ok(files(path, &text)?.entries.into_iter().map(|entry| entry.name).collect())
    }

    #[test]
    fn hidden_files_and_other_kinds_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a/1.txt", "a/.2.txt", ".b/3.txt", "__MACOSX/4.txt", "a/5.jpg"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, name).expect("written");
        }
        let found = files(folder.path(), &text).expect("read");
        assert_eq!(found.entries, [Entry { name: "a/1.txt".into(), bytes: b"a/1.txt".into() }]);
        assert_eq!(found.skipped.count(Reason::Hidden), 3);
        assert_eq!(found.skipped.count(Reason::Kind), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_back_to_a_folder_above_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("a")).expect("made");
        std::fs::write(folder.path().join("a/1.txt"), "1").expect("written");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).expect("linked");
        std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("b"))
            .expect("linked");
        let found = files(folder.path(), &text).expect("read");
        assert_eq!(names(folder.path()).expect("read"), ["a/1.txt", "b/1.txt"]);
        assert_eq!(found.skipped.count(Reason::Loop), 2);
    }

    #[test]
    fn every_member_of_a_gzip_file_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut builder = ::tar::Builder::new(Vec::new());
        for name in ["./1.txt", "2.txt"] {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, &b"x"[..]).expect("packed");
        }
        let bytes = builder.into_inner().expect("packed");
        let mut members = Vec::new();
        for part in bytes.chunks(1000) {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).expect("packed");
            members.extend(encoder.finish().expect("packed"));
        }
        let path = folder.path().join("data.tar.gz");
        std::fs::write(&path, &members).expect("written");
        assert_eq!(names(&path).expect("read"), ["1.txt", "2.txt"]);
        assert_eq!(names(folder.path()).expect("read"), ["1.txt", "2.txt"], "its folder");
        std::fs::write(&path, &members[..members.len() / 2]).expect("cut");
        let error = names(&path).expect_err("refused").to_string();
        assert!(error.contains("broken or truncated"), "{error}");
    }

    #[test]
    fn a_small_archive_of_gigabytes_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut header = ::tar::Header::new_gnu();
        header.set_size(200 << 20);
        header.set_mode(0o644);
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut builder = ::tar::Builder::new(encoder);
        let zeros = std::io::repeat(0).take(200 << 20);
        builder.append_data(&mut header, "1.txt", zeros).expect("packed");
        let tar = builder.into_inner().expect("packed").finish().expect("packed");
        let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("1.txt", ::zip::write::SimpleFileOptions::default()).expect("packed");
        std::io::copy(&mut std::io::repeat(0).take(200 << 20), &mut writer).expect("packed");
        let zip = writer.finish().expect("packed").into_inner();
        for (name, bytes) in [("data.tar.gz", tar), ("data.zip", zip)] {
            assert!(bytes.len() < 1 << 20, "{name} has {} bytes", bytes.len());
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            let error = names(&path).expect_err("refused").to_string();
            assert!(error.contains("times larger than the archive"), "{error}");
        }
    }

    #[test]
    fn paths_that_cannot_be_read_are_named() {
        let error = names(Path::new("~/data")).expect_err("refused").to_string();
        assert!(
            error.starts_with("cannot open ~/data") && error.contains("home folder"),
            "{error}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "hello").expect("written");
        let error = names(&path).expect_err("refused").to_string();
        assert!(error.contains("neither a folder nor"), "{error}");
    }
}
