//! Named random streams: every random choice is a pure function of one seed and a name.
//!
//! Nothing here depends on call order, threads or platform, so adding a random choice somewhere
//! never changes another one. The few distributions are our own because a library's may change
//! between versions, and these numbers are part of every result.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// The one seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(
    /// The number that users give.
    pub u64,
);

impl Seed {
    /// The stream called `name` at `place`, such as an image's index or an epoch.
    /// # Examples
    ///
    /// ```
    /// use unstamp_data::seed::Seed;
    ///
    /// let mut stream = Seed(0).stream("test", &[1, 2]);
    /// assert_eq!(stream.below(1000), 63);
    /// assert_eq!(stream.below(1000), 788);
    /// // The same seed, name and place give the same numbers again.
    /// assert_eq!(Seed(0).stream("test", &[1, 2]).below(1000), 63);
    /// ```
    pub fn stream(self, name: &str, place: &[u64]) -> Stream {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(name.as_bytes());
        for place in place {
            hash.update([0]);
            hash.update(place.to_le_bytes());
        }
        Stream(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

/// A stream of random numbers.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Uniform in `0..n` (multiply-shift; the bias is below `n / 2^64`). `n > 0`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// Uniform in `[0, 1)`, 24 bits.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Standard normal (Box-Muller; `libm`, so that every platform gives the same bits).
    pub fn normal(&mut self) -> f32 {
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - self.unit()));
        radius * libm::cosf(core::f32::consts::TAU * self.unit())
    }

    /// A random order of `0..n` (Fisher-Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// The SHA-256 of bytes in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn streams_have_the_stored_numbers() {
        let mut stream = Seed(0).stream("test", &[1, 2]);
        let bits: Vec<usize> = (0..4).map(|_| stream.below(1000)).collect();
        assert_eq!(bits, STORED);
    }

    /// Every result depends on these streams, so their numbers stay.
    const STORED: [usize; 4] = [63, 788, 114, 829];

    #[test]
    fn names_and_places_make_other_streams() {
        let first = |name: &str, place: &[u64]| Seed(3).stream(name, place).below(1 << 60);
        let all = [first("a", &[]), first("b", &[]), first("a", &[0]), first("a", &[0, 0])];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "two streams are the same");
        }
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let mut stream = Seed(0).stream("normal", &[]);
        let drawn: Vec<f32> = (0..10_000).map(|_| stream.normal()).collect();
        let mean = drawn.iter().sum::<f32>() / 10_000.0;
        let square = drawn.iter().map(|v| v * v).sum::<f32>() / 10_000.0;
        assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "{mean} and {square}");
    }

    proptest! {
        #[test]
        fn a_permutation_holds_each_number_once(seed: u64, n in 0..200usize) {
            let mut order = Seed(seed).stream("order", &[]).permutation(n);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn numbers_lie_in_their_range(seed: u64, n in 1..1000usize) {
            let mut stream = Seed(seed).stream("range", &[]);
            prop_assert!(stream.below(n) < n);
            prop_assert!((0.0..1.0).contains(&stream.unit()));
            prop_assert!((-2.0..5.0).contains(&stream.range(-2.0, 5.0)));
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_with_two_digits_a_byte() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
