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
    let (fours, rest) = row.as_chunks::<4>();
    let count = fours.len();
    let [a, b, c, d] = runs;
    for (run, &value) in [&mut *a, &mut *b, &mut *c, &mut *d].into_iter().zip(rest) {
        run[count] = value;
    }
    let (a, b, c, d) = (&mut a[..count], &mut b[..count], &mut c[..count], &mut d[..count]);
    for k in turn_out(fours, [a, b, c, d])..count {
        [a[k], b[k], c[k], d[k]] = fours[k];
    }
}

/// The way back: `row[4 k + i] = runs[i][k]`, as far as the row goes.
#[inline(always)]
pub fn collect(runs: [&[f32]; 4], row: &mut [f32]) {
    let (fours, rest) = row.as_chunks_mut::<4>();
    let count = fours.len();
    for (value, run) in rest.iter_mut().zip(runs) {
        *value = run[count];
    }
    let [a, b, c, d] = runs.map(|run| &run[..count]);
    for k in turn_in([a, b, c, d], fours)..count {
        fours[k] = [a[k], b[k], c[k], d[k]];
    }
}

#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn parted(p: &[f32; 8]) -> [[f32; 4]; 2] {
    [[p[0], p[2], p[4], p[6]], [p[1], p[3], p[5], p[7]]]
}

/// How many fours of [`deal`] are dealt out by shuffles.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn turn_out(_: &[[f32; 4]], _: [&mut [f32]; 4]) -> usize {
    0
}

/// How many fours of [`collect`] are collected by shuffles.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn turn_in(_: [&[f32]; 4], _: &mut [[f32; 4]]) -> usize {
    0
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

/// Four rows of four, turned into columns.
#[cfg(target_family = "wasm")]
#[inline(always)]
fn turned(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::wasm32::{u32x4_shuffle, u64x2_shuffle, v128};
    use std::mem::transmute;
    // SAFETY: a vector is four numbers.
    let [a, b, c, d] = unsafe { transmute::<[[f32; 4]; 4], [v128; 4]>(rows) };
    let (low, low2) = (u32x4_shuffle::<0, 4, 1, 5>(a, b), u32x4_shuffle::<0, 4, 1, 5>(c, d));
    let (high, high2) = (u32x4_shuffle::<2, 6, 3, 7>(a, b), u32x4_shuffle::<2, 6, 3, 7>(c, d));
    let turned = [
        u64x2_shuffle::<0, 2>(low, low2),
        u64x2_shuffle::<1, 3>(low, low2),
        u64x2_shuffle::<0, 2>(high, high2),
        u64x2_shuffle::<1, 3>(high, high2),
    ];
    // SAFETY: as above.
    unsafe { transmute::<[v128; 4], [[f32; 4]; 4]>(turned) }
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn turn_out(fours: &[[f32; 4]], runs: [&mut [f32]; 4]) -> usize {
    let blocks = fours.as_chunks::<4>().0;
    let [a, b, c, d] = runs.map(|run| run.as_chunks_mut::<4>().0);
    let to = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    for (block, ((a, b), (c, d))) in blocks.iter().zip(to) {
        [*a, *b, *c, *d] = turned(*block);
    }
    4 * blocks.len()
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn turn_in(runs: [&[f32]; 4], fours: &mut [[f32; 4]]) -> usize {
    let blocks = fours.as_chunks_mut::<4>().0;
    let [a, b, c, d] = runs.map(|run| run.as_chunks::<4>().0);
    let from = a.iter().zip(b).zip(c.iter().zip(d));
    for (block, ((a, b), (c, d))) in blocks.iter_mut().zip(from) {
        *block = turned([*a, *b, *c, *d]);
    }
    4 * blocks.len()
}
