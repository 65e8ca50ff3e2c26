//! Every reader returns for each file of its corpus: the seeds, and what the fuzzer found.

use cap::Cap;
use std::alloc::System;
use std::collections::BTreeSet;
use std::path::Path;
use unstamp_fuzz::{MEMORY, READERS};

/// An allocation beyond the limit ends the test.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_reader_returns() {
    for reader in READERS {
        let folder = corpus().join(reader.name);
        let files =
            std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("no {}", folder.display()));
        let paths: BTreeSet<_> = files.map(|file| file.expect("a file").path()).collect();
        assert!(!paths.is_empty(), "{} has no seeds", reader.name);
        for path in paths {
            // The last name before a failure is the file that causes it.
            println!("{}", path.display());
            let bytes = std::fs::read(&path).expect("readable");
            (reader.read)(&bytes);
            // Half a file is what an interrupted copy leaves.
            (reader.read)(&bytes[..bytes.len() / 2]);
        }
    }
}

#[test]
fn every_corpus_has_its_reader() {
    let folders = std::fs::read_dir(corpus()).expect("a folder");
    let folders: BTreeSet<String> = folders
        .map(|folder| folder.expect("a folder").file_name().to_string_lossy().into_owned())
        .collect();
    let readers: BTreeSet<String> = READERS.iter().map(|reader| reader.name.to_string()).collect();
    assert_eq!(folders, readers);
}
