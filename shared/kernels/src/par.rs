//! Data parallelism in one place: rayon's threads natively, a plain loop in WASM (one thread).
//!
//! Work is always cut into the same pieces, whatever the number of threads, so that sums come
//! out in the same bits on every machine of one processor type.

use std::mem::MaybeUninit;

/// `work(scratch, item)` for every item. A thread takes the next one when it has done the last, and
/// makes its `scratch` once.
fn each<I: ExactSizeIterator + Send, S>(
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

/// A vector of `length` made in chunks: `work(scratch, i, chunk_i)`. `scratch` is made once a
/// thread and used again, so nothing is zeroed twice.
///
/// # Safety
/// `work` must write every element of its chunk.
pub unsafe fn build<S>(
    length: usize,
    chunk: usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut [MaybeUninit<f32>]) + Sync,
) -> Vec<f32> {
    let mut made: Vec<f32> = Vec::with_capacity(length);
    let chunks = made.spare_capacity_mut()[..length].chunks_mut(chunk).enumerate();
    each(chunks, scratch, |scratch, (i, chunk)| work(scratch, i, chunk));
    // SAFETY: the caller promises that every element was written.
    unsafe { made.set_len(length) };
    made
}

/// Changes chunks of `values` in their place: `work(i, chunk_i)`.
pub fn change(values: &mut [f32], chunk: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    each(values.chunks_mut(chunk).enumerate(), || (), |(), (i, chunk)| work(i, chunk));
}

/// `(0..count).map(work)`, in order; `scratch` as in [`build`].
pub fn map<S, T: Default + Send>(
    count: usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let mut made: Vec<T> = (0..count).map(|_| T::default()).collect();
    each(made.iter_mut().enumerate(), scratch, |scratch, (i, made)| *made = work(scratch, i));
    made
}
