//! Vectors of whatever width the processor has, through [`pulp`] (AVX-512, AVX2, NEON, WASM simd128,
//! scalar), plus what it lacks: unaligned loads, and WASM's relaxed multiply-add.

use pulp::{Arch, Simd, WithSimd};

/// Elements readable past the end of any grid the loops walk over: the widest vector may start on
/// the last element.
pub const SLACK: usize = 16;

#[inline(always)]
pub(super) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    unsafe { core::ptr::read_unaligned(from.cast()) }
}

#[inline(always)]
pub(super) unsafe fn store<S: Simd>(to: *mut f32, value: S::f32s) {
    unsafe { core::ptr::write_unaligned(to.cast(), value) }
}

/// Runs a loop with the widest vectors of the processor at hand.
#[inline(always)]
pub fn dispatch<Op: WithSimd>(arch: Arch, op: Op) -> Op::Output {
    #[cfg(all(target_family = "wasm", feature = "relaxed"))]
    if let Arch::Simd128(simd) = arch {
        #[target_feature(enable = "relaxed-simd")]
        fn relaxed<Op: WithSimd>(simd: pulp::wasm::Simd128, op: Op) -> Op::Output {
            op.with_simd(simd)
        }
        // A program built with this feature is only loaded where the browser has it.
        return relaxed(simd, op);
    }
    arch.dispatch(op)
}

/// [`dispatch`] for a loop over runs of `width`: with vectors that are not mostly empty.
#[inline(always)]
pub fn dispatch_short<Op: WithSimd>(arch: Arch, width: usize, op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if let (..=8, Some(simd)) = (width, pulp::x86::V3::try_new()) {
        return Arch::V3(simd).dispatch(op);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = width;
    dispatch(arch, op)
}

/// `a b + c`, in one operation and rounding where the processor has it.
#[inline(always)]
pub(super) fn fma<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    #[cfg(all(target_family = "wasm", feature = "relaxed"))]
    if S::F32_LANES == 4 {
        use std::arch::wasm32::f32x4_relaxed_madd;
        use std::mem::transmute_copy as cast;
        // SAFETY: four lanes are 128 bits; the operation is there, see `dispatch`.
        return unsafe { cast(&f32x4_relaxed_madd(cast(&a), cast(&b), cast(&c))) };
    }
    simd.mul_add_e_f32s(a, b, c)
}

/// Plain loops, see [`plain`].
struct Plain<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Plain<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Runs plain loops, which the compiler then makes vectors of. The closure must be
/// `#[inline(always)]`, and what it calls too. (pulp takes closures as they are, but calls them through
/// `FnOnce`'s shim, which is compiled for the oldest processor.)
#[inline(always)]
pub fn plain<R>(arch: Arch, work: impl FnMut() -> R) -> R {
    dispatch(arch, Plain(work))
}
