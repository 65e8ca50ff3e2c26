//! The two inner loops of every convolution, written once for all vector widths.
//!
//! [`ShiftedProduct`] computes outputs and input gradients, [`Correlation`] weight gradients. Both
//! keep a tile of sums in registers; its size depends on the processor ([`RegisterTile`]).

mod correlation;
mod shifted;

pub use self::correlation::Correlation;
pub use self::shifted::ShiftedProduct;
use pulp::Simd;
use std::ops::Deref;

/// Output channels that are computed together. Packed weights are padded to a multiple of it.
pub const BLOCK: usize = 8;

/// How large a tile of sums the processor holds in registers.
enum RegisterTile {
    /// 32 registers of 16 numbers, and a fused multiply-add: AVX-512.
    Large,
    /// 16 registers and a fused multiply-add (AVX2), or 32 registers (NEON).
    Medium,
    /// 16 registers, one of which holds the product before it is added: WASM.
    Small,
}

#[inline(always)]
fn register_tile<S: Simd>() -> RegisterTile {
    match (S::REGISTER_COUNT, S::F32_LANES) {
        (32.., 16) => RegisterTile::Large,
        (_, ..=4) if cfg!(target_family = "wasm") => RegisterTile::Small,
        _ => RegisterTile::Medium,
    }
}

/// Indices at which the rows of an input begin. The largest one is stored, because it bounds the
/// addresses that a loop reads.
pub struct Offsets {
    starts: Vec<usize>,
    largest: usize,
}

impl FromIterator<usize> for Offsets {
    fn from_iter<I: IntoIterator<Item = usize>>(starts: I) -> Self {
        let starts = Vec::from_iter(starts);
        let largest = starts.iter().max().copied().unwrap_or(0);
        Self { starts, largest }
    }
}

impl Deref for Offsets {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.starts
    }
}
