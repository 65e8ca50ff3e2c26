//! A limit on what is unpacked. A few kilobytes of an archive can unpack to gigabytes.

use std::io::{Error, ErrorKind, Read, Result};

/// How many times larger than the archive its contents may be. Pictures in archives are at most a few times larger.
const EXPANSION: u64 = 100;

/// Bytes that any archive may hold, however small it is: tar fills files up with zeros.
const ALWAYS: u64 = 64 << 20;

/// Bytes that an archive of this length may be unpacked to.
pub(super) fn limit(length: u64) -> u64 {
    length.saturating_mul(EXPANSION).saturating_add(ALWAYS)
}

/// The error of an archive whose contents are beyond the limit.
pub(super) fn too_large() -> Error {
    let message = format!("its contents are more than {EXPANSION} times larger than the archive");
    Error::new(ErrorKind::FileTooLarge, message)
}

/// A reader that fails beyond a limit.
pub(super) struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, left: limit }
    }

    /// Bytes that may still be read.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.reader.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(too_large)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_is_read() {
        let mut within = Bounded::new(&[7u8; 10][..], 10);
        assert_eq!(within.read_to_end(&mut Vec::new()).expect("read"), 10);
        assert_eq!(within.left(), 0);
        let error = Bounded::new(&[7u8; 11][..], 10).read_to_end(&mut Vec::new());
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::FileTooLarge);
        assert_eq!(limit(u64::MAX), u64::MAX);
    }
}
