//! Data parallelism: rayon's threads on native targets, a plain loop on WASM (one thread).
//!
//! The work is always cut into the same pieces, whatever the number of threads. Sums are therefore
//! added in the same order, and results have the same bits on every machine of one processor type.

use std::mem::MaybeUninit;

/// Calls `work(item)` for every item. A thread takes the next item when it has finished the one before.
fn for_each<I: ExactSizeIterator + Send>(items: I, work: impl Fn(I::Item) + Sync) {
    #[cfg(not(target_family = "wasm"))]
    {
        use std::sync::{Mutex, PoisonError};
        let helpers = rayon::current_num_threads().min(items.len()).saturating_sub(1);
        if helpers == 0 {
            return items.for_each(work);
        }
        let items = Mutex::new(items);
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some(item) = next() {
                work(item);
            }
        };
        rayon::scope(|scope| {
            (0..helpers).for_each(|_| scope.spawn(|_| run()));
            run();
        });
    }
    #[cfg(target_family = "wasm")]
    items.for_each(work);
}

/// A vector of `length` elements that is written in chunks, and what `work(item_i, chunk_i)` returns for each
/// chunk and its item, in order. The vector is not zeroed first.
///
/// # Panics
/// If there are not as many items as chunks.
///
/// # Safety
/// `work` must write every element of its chunk, and `items` must yield as many items as its length says.
pub unsafe fn build_with<I: ExactSizeIterator + Send, T: Default + Send>(
    length: usize,
    chunk: usize,
    items: I,
    work: impl Fn(I::Item, &mut [MaybeUninit<f32>]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    assert_eq!(items.len(), length.div_ceil(chunk), "an item for each chunk");
    let mut values: Vec<f32> = Vec::with_capacity(length);
    let mut results: Vec<T> = defaults(items.len());
    let chunks = values.spare_capacity_mut()[..length].chunks_mut(chunk);
    let all = items.zip(chunks).zip(&mut results);
    for_each(all, |((item, chunk), result)| *result = work(item, chunk));
    // SAFETY: the capacity is at least `length`. The chunks cover the first `length` elements, and
    // the caller promises that `work` wrote every element of each chunk.
    unsafe { values.set_len(length) };
    (values, results)
}

/// [`build_with`] the indices of the chunks as items.
///
/// # Safety
/// `work` must write every element of its chunk.
pub unsafe fn build<T: Default + Send>(
    length: usize,
    chunk: usize,
    work: impl Fn(usize, &mut [MaybeUninit<f32>]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    // SAFETY: the caller's promise; a range has as many items as its length says.
    unsafe { build_with(length, chunk, 0..length.div_ceil(chunk), work) }
}

/// Changes chunks of `values` in place: `work(i, chunk_i)`.
pub fn for_each_chunk(values: &mut [f32], chunk: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    for_each(values.chunks_mut(chunk).enumerate(), |(i, chunk)| work(i, chunk));
}

/// `(0..count).map(work)`, in order.
pub fn map<T: Default + Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut results = defaults(count);
    for_each(results.iter_mut().enumerate(), |(i, result)| *result = work(i));
    results
}

fn defaults<T: Default>(count: usize) -> Vec<T> {
    (0..count).map(|_| T::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_lie_in_order_and_the_last_may_be_short() {
        // SAFETY: every element of the chunk is written.
        let (values, lengths) = unsafe {
            build(10, 4, |i, chunk| {
                chunk.iter_mut().enumerate().for_each(|(j, to)| {
                    to.write((4 * i + j) as f32);
                });
                chunk.len()
            })
        };
        assert_eq!(lengths, [4, 4, 2]);
        assert_eq!(values, (0..10).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn results_lie_in_order() {
        assert_eq!(map(100, |i| 2 * i), (0..100).map(|i| 2 * i).collect::<Vec<_>>());
    }

    #[test]
    fn no_items_make_no_calls() {
        for_each_chunk(&mut [], 3, |_, _| panic!("called"));
        assert!(map(0, |i| i).is_empty());
    }
}
