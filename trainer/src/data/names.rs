//! Names of files in folders and archives.

use super::fault::Fault;

/// Bytes of the longest name; Linux has the same limit for paths.
const LONGEST: usize = 4096;

/// `name` seen from `folder`, without `.` and `..`, so that it cannot lead out of the archive.
///
/// # Errors
/// The name is too long.
pub(super) fn plain(folder: &str, name: &str) -> Result<String, Fault> {
    if folder.len() + name.len() > LONGEST {
        return Err(Fault::LongName);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Every folder on the way to a file.
pub(super) fn folders_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

/// Whether a file or one of its folders is hidden on Unix, or was added by macOS's archiver.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "__MACOSX" || (part.starts_with('.') && part != "." && part != ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        for (folder, name, wanted) in [
            ("", "./train/cat/0.png", "train/cat/0.png"),
            ("", "../../etc/passwd", "etc/passwd"),
            ("", "/train/../0.png", "0.png"),
            ("top/b", "../a/1.png", "top/a/1.png"),
        ] {
            assert_eq!(plain(folder, name).expect("short"), wanted);
        }
        assert!(plain("", &"a/".repeat(LONGEST)).is_err());
    }
}
