//! Buffers that begin on a cache line.

use std::ops::{Deref, DerefMut};

/// Numbers (`f32`) in a cache line of 64 bytes.
pub const CACHE_LINE: usize = 16;

/// Zeroed numbers whose first one begins a cache line: a vector that spans two cache lines costs
/// two reads.
pub struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// `length` zeros.
    pub fn new(length: usize) -> Self {
        let buffer = vec![0.0f32; length + CACHE_LINE];
        let start = buffer.as_ptr().align_offset(4 * CACHE_LINE).min(CACHE_LINE);
        Self { buffer, start, length }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[self.start..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_on_a_cache_line() {
        for length in [0, 1, 15, 16, 1000] {
            let buffer = Aligned::new(length);
            assert_eq!((buffer.as_ptr() as usize % 64, buffer.len()), (0, length));
        }
    }
}
