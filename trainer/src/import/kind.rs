//! Kinds of files that people give instead of a checkpoint.

use crate::magic;

/// A kind of file, by its first bytes, and what to do with it.
struct Kind {
    start: &'static [u8],
    name: &'static str,
    remedy: &'static str,
}

/// The remedy for a file whose kind is not read.
pub(super) const READ: &str = "PyTorch checkpoints and safetensors are read";

const KINDS: [Kind; 7] = [
    Kind {
        start: magic::LFS_POINTER,
        name: "a pointer of Git LFS and not the file itself",
        remedy: "run git lfs pull in its repository",
    },
    Kind { start: b"\x89HDF\r\n\x1a\n", name: "an HDF5 file, as Keras writes it", remedy: READ },
    Kind { start: magic::NUMPY, name: "a NumPy array", remedy: READ },
    Kind { start: b"\x1f\x8b", name: "packed with gzip", remedy: "unpack it first" },
    Kind { start: b"\x28\xb5\x2f\xfd", name: "packed with Zstandard", remedy: "unpack it first" },
    Kind { start: b"Rar!", name: "a RAR archive", remedy: "unpack it first" },
    Kind { start: b"7z\xbc\xaf\x27\x1c", name: "a 7z archive", remedy: "unpack it first" },
];

/// How many bytes are searched for the first tag of a web page.
const HEAD: usize = 1024;

/// The name of the kind and what to do, if these bytes are of a kind that holds no weights for us.
pub(super) fn other_kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some(kind) = KINDS.iter().find(|kind| bytes.starts_with(kind.start)) {
        return Some((kind.name, kind.remedy));
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let text = String::from_utf8_lossy(head).to_lowercase();
    if text.trim_start().starts_with('<') && (text.contains("<html") || text.contains("<!doctype"))
    {
        return Some(("a web page and not the file itself", "download the file again"));
    }
    // ONNX: field 1 is a small version of the format, field 2 the name of the program that wrote it.
    if let [0x08, 1..=20, 0x12, ..] = bytes {
        return Some(("an ONNX file", "give the PyTorch checkpoint that it was made from"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_known_by_its_tags() {
        let page = b"\n<!DOCTYPE html><html><body>scan</body></html>";
        assert_eq!(other_kind(page).expect("a page").0, "a web page and not the file itself");
        assert!(other_kind(b"<weights>").is_none());
        assert!(other_kind(b"").is_none());
    }
}
