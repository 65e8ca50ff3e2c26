//! Rows of an image dealt out to several runs, number by number, and collected again.
//!
//! The compiler does not find the shuffles of WASM by itself and moves number by number, so there
//! they are written out.

/// `even[k], odd[k] = row[2 k], row[2 k + 1]`; of an odd row the last goes to `even`.
#[inline(always)]
pub fn part(row: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (eights, rest) = row.as_chunks::<8>();
    let ((evens, _), (odds, _)) = (even.as_chunks_mut::<4>(), odd.as_chunks_mut::<4>());
    for (pairs, (even, odd)) in eights.iter().zip(evens.iter_mut().zip(odds)) {
        [*even, *odd] = parted(pairs);
    }
    let at = 4 * eights.len();
    for (k, pair) in rest.chunks(2).enumerate() {
        even[at + k] = pair[0];
        if let [_, second] = pair {
            odd[at + k] = *second;
        }
    }
}

/// `runs[i][k] = row[4 k + i]`.
#[inline(always)]
pub fn deal(row: &[f32], runs: [&mut [f32]; 4]) {
    let [a, b, c, d] = runs;
    let (blocks, rest) = row.as_chunks::<16>();
    for (k, block) in blocks.iter().enumerate() {
        let [w, x, y, z] = turned(block);
        a[4 * k..4 * k + 4].copy_from_slice(&w);
        b[4 * k..4 * k + 4].copy_from_slice(&x);
        c[4 * k..4 * k + 4].copy_from_slice(&y);
        d[4 * k..4 * k + 4].copy_from_slice(&z);
    }
    let at = 4 * blocks.len();
    for (k, four) in rest.chunks(4).enumerate() {
        for (run, &value) in [&mut *a, &mut *b, &mut *c, &mut *d].into_iter().zip(four) {
            run[at + k] = value;
        }
    }
}

/// The way back: `row[4 k + i] = runs[i][k]`, as far as the row goes.
#[inline(always)]
pub fn collect([a, b, c, d]: [&[f32]; 4], row: &mut [f32]) {
    let (blocks, rest) = row.as_chunks_mut::<16>();
    let at = 4 * blocks.len();
    for (k, block) in blocks.iter_mut().enumerate() {
        let mut runs = [0.0; 16];
        for (to, from) in runs.chunks_exact_mut(4).zip([a, b, c, d]) {
            to.copy_from_slice(&from[4 * k..4 * k + 4]);
        }
        let turned = turned(&runs);
        for (to, from) in block.chunks_exact_mut(4).zip(&turned) {
            to.copy_from_slice(from);
        }
    }
    for (k, four) in rest.chunks_mut(4).enumerate() {
        for (to, from) in four.iter_mut().zip([a, b, c, d]) {
            *to = from[at + k];
        }
    }
}

#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn parted(p: &[f32; 8]) -> [[f32; 4]; 2] {
    [[p[0], p[2], p[4], p[6]], [p[1], p[3], p[5], p[7]]]
}

/// Four rows of four, turned into columns.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn turned(p: &[f32; 16]) -> [[f32; 4]; 4] {
    [
        [p[0], p[4], p[8], p[12]],
        [p[1], p[5], p[9], p[13]],
        [p[2], p[6], p[10], p[14]],
        [p[3], p[7], p[11], p[15]],
    ]
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn parted(pairs: &[f32; 8]) -> [[f32; 4]; 2] {
    use std::arch::wasm32::{u32x4_shuffle, v128};
    use std::mem::transmute;
    // SAFETY: eight numbers are two vectors.
    let [a, b] = unsafe { transmute::<[f32; 8], [v128; 2]>(*pairs) };
    let parted = [u32x4_shuffle::<0, 2, 4, 6>(a, b), u32x4_shuffle::<1, 3, 5, 7>(a, b)];
    // SAFETY: a vector is four numbers.
    unsafe { transmute::<[v128; 2], [[f32; 4]; 2]>(parted) }
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn turned(rows: &[f32; 16]) -> [[f32; 4]; 4] {
    use std::arch::wasm32::{u32x4_shuffle, u64x2_shuffle, v128};
    use std::mem::transmute;
    // SAFETY: sixteen numbers are four vectors.
    let [a, b, c, d] = unsafe { transmute::<[f32; 16], [v128; 4]>(*rows) };
    let (low, low2) = (u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<0, 4, 1, 5>(c, d));
    let (high, high2) = (u32x4_shuffle::<2, 6, 3, 7>(a, b), u32x4_shuffle::<2, 6, 3, 7>(c, d));
    let turned = [
        u64x2_shuffle::<0, 2>(low, low2),
        u64x2_shuffle::<1, 3>(low, low2),
        u64x2_shuffle::<0, 2>(high, high2),
        u64x2_shuffle::<1, 3>(high, high2),
    ];
    // SAFETY: a vector is four numbers.
    unsafe { transmute::<[v128; 4], [[f32; 4]; 4]>(turned) }
}
