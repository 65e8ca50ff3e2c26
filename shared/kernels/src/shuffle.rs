//! Rows of an image distributed to two or four buffers element by element, and the inverse.
//!
//! The compiler vectorises these loops by itself on native targets. For WASM it moves element by
//! element, so there the shuffles are written out.

/// `even[k] = row[2 k]` and `odd[k] = row[2 k + 1]`. If the row's length is odd, its last element
/// goes to `even`.
#[inline(always)]
pub fn deinterleave2(row: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (eights, rest) = row.as_chunks::<8>();
    let (evens, _) = even.as_chunks_mut::<4>();
    let (odds, _) = odd.as_chunks_mut::<4>();
    for (pairs, (even, odd)) in eights.iter().zip(evens.iter_mut().zip(odds)) {
        [*even, *odd] = split_pairs(pairs);
    }
    let start = 4 * eights.len();
    for (k, pair) in rest.chunks(2).enumerate() {
        even[start + k] = pair[0];
        if let [_, second] = pair {
            odd[start + k] = *second;
        }
    }
}

/// `parts[i][k] = row[4 k + i]`.
#[inline(always)]
pub fn deinterleave4(row: &[f32], parts: [&mut [f32]; 4]) {
    let (fours, rest) = row.as_chunks::<4>();
    let count = fours.len();
    let [a, b, c, d] = parts;
    for (part, &value) in [&mut *a, &mut *b, &mut *c, &mut *d].into_iter().zip(rest) {
        part[count] = value;
    }
    let a = &mut a[..count];
    let b = &mut b[..count];
    let c = &mut c[..count];
    let d = &mut d[..count];
    for k in deinterleave4_blocks(fours, [a, b, c, d])..count {
        [a[k], b[k], c[k], d[k]] = fours[k];
    }
}

/// The inverse of [`deinterleave4`]: `row[4 k + i] = parts[i][k]`, up to the row's end.
#[inline(always)]
pub fn interleave4(parts: [&[f32]; 4], row: &mut [f32]) {
    let (fours, rest) = row.as_chunks_mut::<4>();
    let count = fours.len();
    for (value, part) in rest.iter_mut().zip(parts) {
        *value = part[count];
    }
    let [a, b, c, d] = parts.map(|part| &part[..count]);
    for k in interleave4_blocks([a, b, c, d], fours)..count {
        fours[k] = [a[k], b[k], c[k], d[k]];
    }
}

/// Elements 0, 2, 4, 6 and elements 1, 3, 5, 7.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn split_pairs(p: &[f32; 8]) -> [[f32; 4]; 2] {
    [[p[0], p[2], p[4], p[6]], [p[1], p[3], p[5], p[7]]]
}

/// The part of [`deinterleave4`] that is done by explicit shuffles; returns how many elements of
/// each part are done.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn deinterleave4_blocks(_: &[[f32; 4]], _: [&mut [f32]; 4]) -> usize {
    0
}

/// The part of [`interleave4`] that is done by explicit shuffles; returns how many elements of each
/// part are done.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn interleave4_blocks(_: [&[f32]; 4], _: &mut [[f32; 4]]) -> usize {
    0
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn split_pairs(pairs: &[f32; 8]) -> [[f32; 4]; 2] {
    use std::arch::wasm32::{u32x4_shuffle, v128};
    use std::mem::transmute;
    // SAFETY: eight numbers of 32 bits are two vectors of 128 bits.
    let [a, b] = unsafe { transmute::<[f32; 8], [v128; 2]>(*pairs) };
    let split = [u32x4_shuffle::<0, 2, 4, 6>(a, b), u32x4_shuffle::<1, 3, 5, 7>(a, b)];
    // SAFETY: a vector of 128 bits is four numbers of 32 bits.
    unsafe { transmute::<[v128; 2], [[f32; 4]; 2]>(split) }
}

/// The transpose of a 4x4 matrix.
#[cfg(target_family = "wasm")]
#[inline(always)]
fn transpose(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::wasm32::{u32x4_shuffle, u64x2_shuffle, v128};
    use std::mem::transmute;
    // SAFETY: a vector of 128 bits is four numbers of 32 bits.
    let [a, b, c, d] = unsafe { transmute::<[[f32; 4]; 4], [v128; 4]>(rows) };
    let low_ab = u32x4_shuffle::<0, 4, 1, 5>(a, b);
    let low_cd = u32x4_shuffle::<0, 4, 1, 5>(c, d);
    let high_ab = u32x4_shuffle::<2, 6, 3, 7>(a, b);
    let high_cd = u32x4_shuffle::<2, 6, 3, 7>(c, d);
    let columns = [
        u64x2_shuffle::<0, 2>(low_ab, low_cd),
        u64x2_shuffle::<1, 3>(low_ab, low_cd),
        u64x2_shuffle::<0, 2>(high_ab, high_cd),
        u64x2_shuffle::<1, 3>(high_ab, high_cd),
    ];
    // SAFETY: a vector of 128 bits is four numbers of 32 bits.
    unsafe { transmute::<[v128; 4], [[f32; 4]; 4]>(columns) }
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn deinterleave4_blocks(fours: &[[f32; 4]], parts: [&mut [f32]; 4]) -> usize {
    let blocks = fours.as_chunks::<4>().0;
    let [a, b, c, d] = parts.map(|part| part.as_chunks_mut::<4>().0);
    let to = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    for (block, ((a, b), (c, d))) in blocks.iter().zip(to) {
        [*a, *b, *c, *d] = transpose(*block);
    }
    4 * blocks.len()
}

#[cfg(target_family = "wasm")]
#[inline(always)]
fn interleave4_blocks(parts: [&[f32]; 4], fours: &mut [[f32; 4]]) -> usize {
    let blocks = fours.as_chunks_mut::<4>().0;
    let [a, b, c, d] = parts.map(|part| part.as_chunks::<4>().0);
    let from = a.iter().zip(b).zip(c.iter().zip(d));
    for (block, ((a, b), (c, d))) in blocks.iter_mut().zip(from) {
        *block = transpose([*a, *b, *c, *d]);
    }
    4 * blocks.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_hold_the_even_and_the_odd_elements() {
        for length in 0..40usize {
            let row: Vec<f32> = (0..length).map(|v| v as f32).collect();
            let mut even = vec![-1.0; length.div_ceil(2)];
            let mut odd = vec![-1.0; length / 2];
            deinterleave2(&row, &mut even, &mut odd);
            assert_eq!(even, row.iter().copied().step_by(2).collect::<Vec<_>>());
            assert_eq!(odd, row.iter().copied().skip(1).step_by(2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn four_parts_hold_every_fourth_element_and_return_the_row() {
        for length in 0..70usize {
            let row: Vec<f32> = (0..length).map(|v| v as f32).collect();
            let mut parts = [0; 4].map(|_| vec![-1.0; length.div_ceil(4)]);
            let [a, b, c, d] = &mut parts;
            deinterleave4(&row, [a, b, c, d]);
            for (i, part) in parts.iter().enumerate() {
                let expected: Vec<f32> = row.iter().copied().skip(i).step_by(4).collect();
                assert_eq!(part[..expected.len()], expected);
            }
            let mut back = vec![-1.0; length];
            interleave4(parts.each_ref().map(|part| &part[..]), &mut back);
            assert_eq!(back, row);
        }
    }
}
