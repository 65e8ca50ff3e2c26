//! SIMD vectors as wide as the processor has them, through [`pulp`] (AVX-512, AVX2, NEON, WASM
//! simd128, scalar). This module adds unaligned loads and stores, and WASM's relaxed multiply-add.

use pulp::{Arch, Simd, WithSimd};

/// Numbers in the widest vector that there is.
pub const SLACK: usize = 16;

/// Reads a vector from any address.
///
/// # Safety
/// `S::F32_LANES` numbers must be readable from `from` on.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller promises that the numbers are readable; a vector is plain numbers.
    unsafe { core::ptr::read_unaligned(from.cast()) }
}

/// Writes a vector to any address.
///
/// # Safety
/// `S::F32_LANES` numbers must be writable from `to` on.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(to: *mut f32, value: S::f32s) {
    // SAFETY: the caller promises that the numbers are writable.
    unsafe { core::ptr::write_unaligned(to.cast(), value) }
}

/// The first `count` numbers from any address on, and zeros if that is less than a vector.
///
/// # Safety
/// `min(count, S::F32_LANES)` numbers must be readable from `from` on.
#[inline(always)]
pub(crate) unsafe fn load_part<S: Simd>(simd: S, from: *const f32, count: usize) -> S::f32s {
    // SAFETY: the caller promises that these numbers are readable.
    unsafe {
        if count >= S::F32_LANES {
            load::<S>(from)
        } else if FEW_VARIANTS {
            load::<S>(copied(from, count).as_ptr())
        } else {
            simd.partial_load_f32s(std::slice::from_raw_parts(from, count))
        }
    }
}

/// Writes the first `count` numbers of a vector, at most all of them, to any address.
///
/// # Safety
/// `min(count, S::F32_LANES)` numbers must be writable from `to` on.
#[inline(always)]
pub(crate) unsafe fn store_part<S: Simd>(to: *mut f32, count: usize, value: S::f32s) {
    // SAFETY: the caller promises that these numbers are writable.
    unsafe {
        if count >= S::F32_LANES {
            store::<S>(to, value);
        } else {
            let mut buffer = [0.0; SLACK];
            store::<S>(buffer.as_mut_ptr(), value);
            copy(&buffer, count, to);
        }
    }
}

/// The first `count` numbers from an address on, and zeros. A call, because it is rare and would be large.
///
/// # Safety
/// `count` numbers are readable, less than [`SLACK`].
#[cold]
#[inline(never)]
unsafe fn copied(from: *const f32, count: usize) -> [f32; SLACK] {
    let mut buffer = [0.0; SLACK];
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), count) };
    buffer
}

/// Writes the first `count` numbers of `from`. A call, because it is rare and would be large.
///
/// # Safety
/// `count` numbers are writable, less than [`SLACK`].
#[cold]
#[inline(never)]
unsafe fn copy(from: &[f32; SLACK], count: usize, to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, count) };
}

/// Runs a loop with the widest vectors that the processor has.
#[inline(always)]
pub fn dispatch<Op: WithSimd>(arch: Arch, op: Op) -> Op::Output {
    #[cfg(all(target_family = "wasm", feature = "relaxed"))]
    if let Arch::Simd128(simd) = arch {
        #[target_feature(enable = "relaxed-simd")]
        fn relaxed<Op: WithSimd>(simd: pulp::wasm::Simd128, op: Op) -> Op::Output {
            op.with_simd(simd)
        }
        // A module that contains this instruction loads only where the browser supports it.
        return relaxed(simd, op);
    }
    #[cfg(all(target_arch = "x86_64", feature = "avx2"))]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Simd::vectorize(simd, op);
    }
    arch.dispatch(op)
}

/// Whether each loop is compiled in few variants: a program for the browser is downloaded, so it should be small.
pub const FEW_VARIANTS: bool = cfg!(target_family = "wasm");

/// Vectors of which packed channels are a multiple.
const VECTORS: usize = if FEW_VARIANTS { 2 } else { 1 };

/// Channels, rounded up to whole vectors as they are packed.
pub fn padded(channels: usize) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            const { assert!(S::F32_LANES <= SLACK) };
            S::F32_LANES
        }
    }
    channels.next_multiple_of(VECTORS * dispatch(Arch::new(), Lanes))
}

/// `a b + c`, in one operation with one rounding where the processor has it.
#[inline(always)]
pub(crate) fn fma<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    #[cfg(all(target_family = "wasm", feature = "relaxed"))]
    if S::F32_LANES == 4 {
        use std::arch::wasm32::f32x4_relaxed_madd;
        use std::mem::transmute_copy as cast;
        // SAFETY: four lanes of 32 bits are the 128 bits of `v128`. The instruction is available:
        // see `dispatch`.
        return unsafe { cast(&f32x4_relaxed_madd(cast(&a), cast(&b), cast(&c))) };
    }
    simd.mul_add_e_f32s(a, b, c)
}

/// `max(x, 0)`, which keeps NaN, so that a diverged training run is visible.
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Scalar;

    /// Reads the first `count` numbers, or all, and writes them with the zeros after them. Returns the lanes.
    struct Read<'a> {
        from: &'a [f32; SLACK],
        count: usize,
        to: &'a mut [f32; SLACK],
    }

    impl WithSimd for Read<'_> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> usize {
            // SAFETY: both arrays hold a vector.
            unsafe {
                let value = load_part(simd, self.from.as_ptr(), self.count);
                store::<S>(self.to.as_mut_ptr(), value);
            }
            S::F32_LANES
        }
    }

    /// Writes the first `count` numbers of a vector, or all. Returns the lanes.
    struct Written<'a> {
        from: &'a [f32; SLACK],
        count: usize,
        to: &'a mut [f32; SLACK],
    }

    impl WithSimd for Written<'_> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            // SAFETY: both arrays hold a vector.
            unsafe {
                let value = load::<S>(self.from.as_ptr());
                store_part::<S>(self.to.as_mut_ptr(), self.count, value);
            }
            S::F32_LANES
        }
    }

    #[test]
    fn a_part_of_a_vector_leaves_the_rest_alone() {
        let from: [f32; SLACK] = std::array::from_fn(|i| i as f32 + 1.0);
        for count in 0..=SLACK {
            let mut to = [-1.0; SLACK];
            let lanes = dispatch(Arch::new(), Read { from: &from, count, to: &mut to });
            let kept = count.min(lanes);
            assert_eq!(to[..kept], from[..kept]);
            assert!(to[kept..lanes].iter().all(|&value| value == 0.0), "read {count}: {to:?}");
            let mut to = [-1.0; SLACK];
            let lanes = dispatch(Arch::new(), Written { from: &from, count, to: &mut to });
            let kept = count.min(lanes);
            assert_eq!(to[..kept], from[..kept]);
            assert!(to[kept..].iter().all(|&value| value == -1.0), "written {count}: {to:?}");
        }
    }

    #[test]
    fn channels_are_padded_to_the_next_whole_vector() {
        let unit = padded(1);
        assert!((1..=SLACK * VECTORS).contains(&unit));
        assert_eq!([0, 1, unit, unit + 1].map(padded), [0, unit, unit, 2 * unit]);
    }

    #[test]
    fn relu_keeps_a_nan() {
        let simd = Scalar::new();
        assert_eq!([-1.0, 0.0, 2.0].map(|x| relu(simd, x)), [0.0, 0.0, 2.0]);
        assert!(relu(simd, f32::NAN).is_nan());
    }
}
