//! Working memory of a thread.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Numbers (`f32`) in a cache line of 64 bytes.
pub const CACHE_LINE: usize = 16;

/// Most numbers that a thread keeps: 32 MiB.
const KEPT: usize = 1 << 23;

thread_local! {
    /// Memory that no buffer of this thread uses, the one that was used last at the end. The operations of a network
    /// need buffers of similar sizes. New memory would be set to zero each time. That took a tenth of a training
    /// step.
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers of any value, in memory that the thread uses again. The first number begins a cache line: a vector that
/// spans two cache lines costs two reads.
pub struct Buffer {
    memory: Vec<f32>,
    start: usize,
    length: usize,
}

/// The smallest free memory of at least `needed` numbers.
fn take(free: &mut Vec<Vec<f32>>, needed: usize) -> Option<Vec<f32>> {
    let long_enough = (0..free.len()).filter(|&index| free[index].len() >= needed);
    let smallest = long_enough.min_by_key(|&index| free[index].len())?;
    Some(free.remove(smallest))
}

/// Keeps `memory`, and frees the memory that was not used for the longest time if there is too much.
fn keep(free: &mut Vec<Vec<f32>>, memory: Vec<f32>) {
    free.push(memory);
    let mut total: usize = free.iter().map(Vec::len).sum();
    while total > KEPT {
        total -= free.remove(0).len();
    }
}

impl Buffer {
    /// `length` numbers of any value. In the tests of this crate they are not numbers (NaN), so that a test fails where a
    /// number is read before it is written.
    pub fn new(length: usize) -> Self {
        let needed = length + CACHE_LINE;
        let memory = FREE.with_borrow_mut(|free| take(free, needed));
        let mut memory = memory.unwrap_or_else(|| vec![0.0; needed]);
        if cfg!(test) {
            memory.fill(f32::NAN);
        }
        let start = memory.as_ptr().align_offset(4 * CACHE_LINE).min(CACHE_LINE);
        Self { memory, start, length }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        // A thread that ends has no list any more; then the memory is freed.
        let _ = FREE.try_with(|free| keep(&mut free.borrow_mut(), memory));
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_on_a_cache_line() {
        for length in [0, 1, 15, 16, 1000] {
            let buffer = Buffer::new(length);
            assert_eq!((buffer.as_ptr() as usize % 64, buffer.len()), (0, length));
        }
    }

    #[test]
    fn memory_is_used_again() {
        let addresses = || -> Vec<usize> {
            let buffers = [1000, 3000, 2000].map(Buffer::new);
            buffers.iter().map(|buffer| buffer.as_ptr() as usize).collect()
        };
        assert_eq!(addresses(), addresses());
    }

    #[test]
    fn the_memory_that_is_kept_is_limited_and_was_used_last() {
        let mut free = Vec::new();
        for length in [KEPT / 2, KEPT / 4, KEPT / 2, KEPT / 4] {
            keep(&mut free, vec![0.0; length]);
        }
        let lengths: Vec<usize> = free.iter().map(Vec::len).collect();
        assert_eq!(lengths, [KEPT / 4, KEPT / 2, KEPT / 4]);
        keep(&mut free, vec![0.0; KEPT + 1]);
        assert!(free.is_empty());
    }
}
