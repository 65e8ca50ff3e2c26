//! Sums over the pixels of a batch, for each channel.

use crate::simd::{FEW_VARIANTS, dispatch, store_part};
use pulp::{Arch, Simd, WithSimd};

/// Two sums over the pixels of a piece, for each channel.
pub trait PixelSums {
    /// The number of values that are read.
    fn len(&self) -> usize;

    /// The function that adds a vector of channels, of which `channel` is the first, to two sums. It takes the
    /// vector's index, the channels that are left there, and the sums.
    ///
    /// # Safety
    /// The function may be called only for an index and a count of values that [`PixelSums::len`] covers.
    unsafe fn add<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(usize, usize, [S::f32s; 2]) -> [S::f32s; 2];
}

/// Runs [`PixelSums`] over all pixels; `sums[i]` gets sum `i` of every channel.
struct Summed<'a, P> {
    values: &'a P,
    channels: usize,
    sums: &'a mut [Vec<f32>; 2],
}

impl<P: PixelSums> WithSimd for Summed<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        assert!(self.values.len().is_multiple_of(self.channels), "whole pixels");
        let lanes = S::F32_LANES;
        let mut channel = 0;
        while channel < self.channels {
            channel += lanes
                * match (self.channels - channel) / lanes {
                    _ if FEW_VARIANTS => self.vectors::<S, 1>(simd, channel),
                    4.. => self.vectors::<S, 4>(simd, channel),
                    2.. => self.vectors::<S, 2>(simd, channel),
                    _ => self.vectors::<S, 1>(simd, channel),
                };
        }
    }
}

impl<P: PixelSums> Summed<'_, P> {
    /// The sums of `V` vectors of channels from `channel` on, of which only the last one may have fewer channels
    /// than lanes; returns `V`. Neighbouring vectors are read together, because memory is read in order.
    #[inline(always)]
    fn vectors<S: Simd, const V: usize>(&mut self, simd: S, channel: usize) -> usize {
        let Self { values, channels, .. } = *self;
        let lanes = S::F32_LANES;
        let count = channels - channel;
        // SAFETY: every call below is for a pixel, and there are only whole pixels.
        let adds: [_; V] =
            std::array::from_fn(|v| unsafe { values.add(simd, channel + v * lanes) });
        // Sums of even and of odd pixels, so that an addition need not wait for the one before.
        let mut totals = [[[simd.splat_f32s(0.0); 2]; V]; 2];
        let mut at = channel;
        while at + channels < values.len() {
            for (v, add) in adds.iter().enumerate() {
                totals[0][v] = add(at + v * lanes, count - v * lanes, totals[0][v]);
                totals[1][v] = add(at + channels + v * lanes, count - v * lanes, totals[1][v]);
            }
            at += 2 * channels;
        }
        if at < values.len() {
            for (v, add) in adds.iter().enumerate() {
                totals[0][v] = add(at + v * lanes, count - v * lanes, totals[0][v]);
            }
        }
        let [even, odd] = totals;
        for (v, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            let first = channel + v * lanes;
            for (sums, (even, odd)) in self.sums.iter_mut().zip(even.into_iter().zip(odd)) {
                let to = &mut sums[first..channels];
                let total = simd.add_f32s(even, odd);
                // SAFETY: `to` holds the channels that are left.
                unsafe { store_part::<S>(to.as_mut_ptr(), channels - first, total) };
            }
        }
        V
    }
}

/// Adds the sums over the pixels of `values` to `totals`, piece by piece.
pub fn add_all<P: PixelSums>(
    channels: usize,
    pieces: impl Iterator<Item = P>,
    totals: &mut [[f64; 2]],
) {
    let arch = Arch::new();
    let mut sums = [vec![0.0f32; channels], vec![0.0f32; channels]];
    for values in pieces {
        dispatch(arch, Summed { values: &values, channels, sums: &mut sums });
        for (c, total) in totals.iter_mut().enumerate() {
            *total = [total[0] + f64::from(sums[0][c]), total[1] + f64::from(sums[1][c])];
        }
    }
}
