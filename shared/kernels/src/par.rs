//! Data parallelism: rayon's threads on native targets, a plain loop on WASM (one thread).
//!
//! The work is always cut into the same pieces, whatever the number of threads. Sums are therefore
//! added in the same order, and results have the same bits on every machine of one processor type.

use std::mem::MaybeUninit;

/// Calls `work(scratch, item)` for every item. A thread takes the next item when it has finished
/// the one before, and it makes its `scratch` once.
fn for_each<I: ExactSizeIterator + Send, S>(
    items: I,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I::Item) + Sync,
) {
    #[cfg(not(target_family = "wasm"))]
    {
        use std::sync::{Mutex, PoisonError};
        let helpers = rayon::current_num_threads().min(items.len()).saturating_sub(1);
        let items = Mutex::new(items);
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            let Some(first) = next() else { return };
            let mut scratch = scratch();
            work(&mut scratch, first);
            while let Some(item) = next() {
                work(&mut scratch, item);
            }
        };
        if helpers == 0 {
            return run();
        }
        rayon::scope(|scope| {
            (0..helpers).for_each(|_| scope.spawn(|_| run()));
            run();
        });
    }
    #[cfg(target_family = "wasm")]
    {
        let mut scratch = scratch();
        items.for_each(|item| work(&mut scratch, item));
    }
}

/// A vector of `length` elements that is written in chunks, and what `work(scratch, i, chunk_i)` returns for each
/// chunk, in order. The vector is not zeroed first.
///
/// # Safety
/// `work` must write every element of its chunk.
pub unsafe fn build<S, T: Default + Send>(
    length: usize,
    chunk: usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut [MaybeUninit<f32>]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let mut values: Vec<f32> = Vec::with_capacity(length);
    let mut results: Vec<T> = (0..length.div_ceil(chunk)).map(|_| T::default()).collect();
    let chunks = values.spare_capacity_mut()[..length].chunks_mut(chunk);
    let items = chunks.zip(&mut results).enumerate();
    for_each(items, scratch, |scratch, (i, (chunk, result))| *result = work(scratch, i, chunk));
    // SAFETY: the capacity is at least `length`. The chunks cover the first `length` elements, and
    // the caller promises that `work` wrote every element of each chunk.
    unsafe { values.set_len(length) };
    (values, results)
}

/// Changes chunks of `values` in place: `work(i, chunk_i)`.
pub fn for_each_chunk(values: &mut [f32], chunk: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    for_each(values.chunks_mut(chunk).enumerate(), || (), |(), (i, chunk)| work(i, chunk));
}

/// `(0..count).map(work)`, in order; `scratch` as in [`build`].
pub fn map<S, T: Default + Send>(
    count: usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let mut results: Vec<T> = (0..count).map(|_| T::default()).collect();
    let slots = results.iter_mut().enumerate();
    for_each(slots, scratch, |scratch, (i, result)| *result = work(scratch, i));
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_lie_in_order_and_the_last_may_be_short() {
        // SAFETY: every element of the chunk is written.
        let (values, lengths) = unsafe {
            build(
                10,
                4,
                || (),
                |(), i, chunk| {
                    chunk.iter_mut().enumerate().for_each(|(j, to)| {
                        to.write((4 * i + j) as f32);
                    });
                    chunk.len()
                },
            )
        };
        assert_eq!(lengths, [4, 4, 2]);
        assert_eq!(values, (0..10).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn results_lie_in_order() {
        assert_eq!(map(100, || (), |(), i| 2 * i), (0..100).map(|i| 2 * i).collect::<Vec<_>>());
    }

    #[test]
    fn no_items_make_no_calls() {
        for_each_chunk(&mut [], 3, |_, _| panic!("called"));
        assert!(map(0, || (), |(), i| i).is_empty());
    }
}
