//! The speed limits of the machine, with which `unstamp plan` compares.

use std::time::Instant;
use unstamp_shared::Device;
use unstamp_shared::kernels::{Maps, affine_relu, floats};
use unstamp_shared::seed::Seed;

/// The fastest that was measured.
pub struct Limits {
    /// Floating-point operations in a second.
    pub flop: f64,
    /// Bytes in a second.
    pub bytes: f64,
}

/// Side of the matrices that are multiplied.
const SIDE: usize = 1024;

/// Numbers of the maps that are read and written, 64 MiB each: more than the caches of most processors hold.
const NUMBERS: usize = 1 << 24;

/// Measurements, of which the shortest counts.
const REPEATS: u32 = 5;

/// The shortest of some times of `work`, in seconds. `prepare` is not timed.
pub fn shortest<T, R>(repeats: u32, prepare: impl Fn() -> T, work: impl Fn(T) -> R) -> f64 {
    let time = || {
        let input = prepare();
        let start = Instant::now();
        let result = work(input);
        let seconds = start.elapsed().as_secs_f64();
        drop(result);
        seconds
    };
    (0..repeats).map(|_| time()).fold(f64::INFINITY, f64::min)
}

impl Limits {
    /// Multiplies matrices with Burn's backend, and maps numbers with our kernels.
    pub fn measure() -> Self {
        let device = &Device::flex();
        let mut random = Seed(0).stream("limits", &[]);
        let matrix = floats((0..SIDE * SIDE).map(|_| random.unit()).collect(), [SIDE; 2], device);
        let product = shortest(REPEATS, || matrix.clone(), |other| matrix.clone().matmul(other));
        let side = NUMBERS.isqrt() / 4;
        let maps = Maps::new(floats(vec![1.0; NUMBERS], [1, 16, side, side], device));
        let input = || (maps.clone(), floats(vec![1.0; 16], [16], device));
        let map = shortest(REPEATS, input, |(maps, ones)| affine_relu(maps, ones.clone(), ones));
        Self { flop: 2.0 * (SIDE as f64).powi(3) / product, bytes: 8.0 * NUMBERS as f64 / map }
    }

    /// The least time for so many operations and bytes, in seconds.
    pub fn seconds(&self, flop: f64, bytes: f64) -> f64 {
        (flop / self.flop).max(bytes / self.bytes)
    }
}
