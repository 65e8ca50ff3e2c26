//! Everything in Unstamp that reads bytes which a stranger may have written.
//!
//! A reader must return, whatever the bytes are: no panic, no endless loop, and no more memory than
//! [`MEMORY`]. [`READERS`] is the one list. The fuzzer (`src/main.rs`) gives a reader bytes of its own making,
//! and the test `tests/corpus.rs` gives it the files of `corpus/NAME`.

mod data;
mod page;
mod runs;
mod weights;

/// A reader of foreign bytes.
pub struct Reader {
    /// Its name, and the name of its folder in `corpus`.
    pub name: &'static str,
    /// Reads the bytes and uses what it read, as the program does.
    pub read: fn(&[u8]),
}

/// Bytes that the process of a reader may hold at once. A picture may take 200 MiB, and as much again in another colour mode.
pub const MEMORY: usize = 1 << 29;

/// Every reader.
pub static READERS: &[Reader] = &[
    Reader { name: "pickle", read: weights::pickle },
    Reader { name: "checkpoint", read: weights::checkpoint },
    Reader { name: "model", read: weights::model },
    Reader { name: "artefact", read: runs::artefact },
    Reader { name: "job", read: runs::job },
    Reader { name: "recipe", read: runs::recipe },
    Reader { name: "result", read: runs::result },
    Reader { name: "cifar10_binary", read: data::cifar10_binary },
    Reader { name: "cifar10_python", read: data::cifar10_python },
    Reader { name: "gtsrb", read: data::gtsrb },
    Reader { name: "tar", read: data::tar },
    Reader { name: "tar_gz", read: data::tar_gz },
    Reader { name: "tar_zst", read: data::tar_zst },
    Reader { name: "zip", read: data::zip },
    Reader { name: "picture", read: data::picture },
    Reader { name: "trigger_picture", read: data::trigger_picture },
    Reader { name: "link", read: page::link },
    Reader { name: "painted", read: page::painted },
    Reader { name: "manifest", read: page::manifest },
];

/// The reader with this name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}
