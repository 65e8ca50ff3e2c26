//! Working memory of a thread.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Numbers (`f32`) in a cache line of 64 bytes.
pub const CACHE_LINE: usize = 16;

/// Most buffers that a thread keeps. An operation uses at most six at the same time.
const KEPT: usize = 8;

/// Numbers of the largest buffer that is kept: 16 MiB.
const LARGEST: usize = 1 << 22;

thread_local! {
    /// Buffers that this thread has finished with. A training step needs the same ones in every layer: new memory
    /// would have to be set to zero each time, which took a tenth of a step.
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers of any value, in memory that the thread uses again. The first number begins a cache line: a vector that
/// spans two cache lines costs two reads.
pub struct Buffer {
    memory: Vec<f32>,
    start: usize,
    length: usize,
}

impl Buffer {
    /// `length` numbers of any value.
    pub fn new(length: usize) -> Self {
        let needed = length + CACHE_LINE;
        let memory = FREE.with_borrow_mut(|free| {
            let fits = |memory: &Vec<f32>| memory.len() >= needed;
            let (index, _) = free
                .iter()
                .enumerate()
                .filter(|(_, memory)| fits(memory))
                .min_by_key(|(_, memory)| memory.len())?;
            Some(free.swap_remove(index))
        });
        let memory = memory.unwrap_or_else(|| vec![0.0; needed]);
        let start = memory.as_ptr().align_offset(4 * CACHE_LINE).min(CACHE_LINE);
        Self { memory, start, length }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.len() > LARGEST {
            return;
        }
        // A thread that ends has no list any more; then the memory is freed.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            free.push(memory);
            if free.len() > KEPT {
                let smallest = (0..free.len()).min_by_key(|&index| free[index].len());
                smallest.map(|index| free.swap_remove(index));
            }
        });
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
    fn memory_is_used_again_and_little_of_it_is_kept() {
        let lengths = [1000, 3000, 2000];
        let addresses = |lengths: &[usize]| -> Vec<usize> {
            let buffers: Vec<Buffer> = lengths.iter().map(|&length| Buffer::new(length)).collect();
            buffers.iter().map(|buffer| buffer.as_ptr() as usize).collect()
        };
        assert_eq!(addresses(&lengths), addresses(&lengths));
        addresses(&[10; 3 * KEPT]);
        addresses(&[LARGEST]);
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
        assert!(FREE.with_borrow(|free| free.iter().all(|memory| memory.len() <= LARGEST)));
    }
}
