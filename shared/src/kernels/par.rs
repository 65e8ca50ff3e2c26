//! Data parallelism in one place: rayon natively, a plain loop in WASM (one thread).
//!
//! Work is always cut into the same pieces, whatever the number of threads, so that sums come
//! out in the same bits on every machine of one processor type.

use std::mem::MaybeUninit;

/// A vector of `length` made in chunks: `work(scratch, i, chunk_i)`. `scratch` is made once a
/// thread and used again, so nothing is zeroed twice.
///
/// # Safety
/// `work` must write every element of its chunk.
pub unsafe fn build<S>(
    length: usize,
    chunk: usize,
    scratch: impl Fn() -> S + Send + Sync,
    work: impl Fn(&mut S, usize, &mut [MaybeUninit<f32>]) + Send + Sync,
) -> Vec<f32> {
    let mut made: Vec<f32> = Vec::with_capacity(length);
    let room = &mut made.spare_capacity_mut()[..length];
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        room.par_chunks_mut(chunk)
            .enumerate()
            .for_each_init(scratch, |scratch, (i, chunk)| work(scratch, i, chunk));
    }
    #[cfg(target_family = "wasm")]
    {
        let mut scratch = scratch();
        room.chunks_mut(chunk).enumerate().for_each(|(i, chunk)| work(&mut scratch, i, chunk));
    }
    // SAFETY: the caller promises that every element was written.
    unsafe { made.set_len(length) };
    made
}

/// Changes chunks of `values` in their place: `work(i, chunk_i)`.
pub fn change(values: &mut [f32], chunk: usize, work: impl Fn(usize, &mut [f32]) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(chunk).enumerate().for_each(|(i, chunk)| work(i, chunk));
    }
    #[cfg(target_family = "wasm")]
    values.chunks_mut(chunk).enumerate().for_each(|(i, chunk)| work(i, chunk));
}

/// `(0..count).map(work)`, in order; `scratch` as in [`build`].
pub fn map<S, T: Send>(
    count: usize,
    scratch: impl Fn() -> S + Send + Sync,
    work: impl Fn(&mut S, usize) -> T + Send + Sync,
) -> Vec<T> {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().map_init(scratch, work).collect()
    }
    #[cfg(target_family = "wasm")]
    {
        let mut scratch = scratch();
        (0..count).map(|i| work(&mut scratch, i)).collect()
    }
}
