//! SIMD vectors as wide as the processor has them, through [`pulp`] (AVX-512, AVX2, NEON, WASM
//! simd128, scalar). This module adds unaligned loads and stores, and WASM's relaxed multiply-add.

use pulp::{Arch, Simd, WithSimd};

/// Elements that must be readable after the last element of every buffer that the SIMD loops read:
/// the widest vector (16 elements) may start on the last element.
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
    arch.dispatch(op)
}

/// [`dispatch`] for a loop over rows of `width` elements. On x86-64 with AVX2, rows of at most 8
/// elements use vectors of 8 even where AVX-512 exists: at least half of a vector of 16 would be
/// unused.
#[inline(always)]
pub fn dispatch_narrow<Op: WithSimd>(arch: Arch, width: usize, op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if let (..=8, Some(simd)) = (width, pulp::x86::V3::try_new()) {
        return Arch::V3(simd).dispatch(op);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = width;
    dispatch(arch, op)
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

/// See [`auto_vectorised`].
struct ScalarLoops<F>(F);

impl<R, F: FnMut() -> R> WithSimd for ScalarLoops<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Runs scalar loops compiled for the processor's widest vectors, so that the compiler can
/// vectorise them. The closure must be `#[inline(always)]`, and so must every function that it
/// calls. (pulp accepts closures directly, but calls them through `FnOnce`'s shim, which is
/// compiled without the processor's extensions.)
#[inline(always)]
pub fn auto_vectorised<R>(arch: Arch, work: impl FnMut() -> R) -> R {
    dispatch(arch, ScalarLoops(work))
}
