//! [libFuzzer](https://llvm.org/docs/LibFuzzer.html) on one reader, which the variable `READER` names:
//!
//!     READER=pickle unstamp-fuzz tests/fuzz/corpus/pickle
#![no_main]

use cap::Cap;
use libfuzzer_sys::fuzz_target;
use std::alloc::System;
use std::sync::LazyLock;
use unstamp_fuzz::{MEMORY, READERS, Reader, reader};

/// An allocation beyond the limit ends the process, which libFuzzer reports as a find.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MEMORY);

static READER: LazyLock<&Reader> = LazyLock::new(|| {
    let name = std::env::var("READER").unwrap_or_default();
    reader(&name).unwrap_or_else(|| {
        let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
        panic!("set READER to one of {}", names.join(", "))
    })
});

fuzz_target!(|bytes: &[u8]| (READER.read)(bytes));
