//! Data parallelism in one place: rayon natively, a plain loop in WASM (one thread).
//!
//! Work is always cut into the same pieces, whatever the number of threads, so that sums come
//! out in the same bits on every machine of one processor type.

/// Calls `work(i, chunk_i)` for every `size`-long chunk of `data`.
pub fn chunks(data: &mut [f32], size: usize, work: impl Fn(usize, &mut [f32]) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        data.par_chunks_mut(size).enumerate().for_each(|(i, c)| work(i, c));
    }
    #[cfg(target_family = "wasm")]
    data.chunks_mut(size).enumerate().for_each(|(i, c)| work(i, c));
}

/// `(0..count).map(work)`, in order.
pub fn map<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().map(work).collect()
    }
    #[cfg(target_family = "wasm")]
    (0..count).map(work).collect()
}
