//! Batch normalisation (<https://arxiv.org/abs/1502.03167>) and the ReLU that follows it, as one
//! operation in two passes over the input: the statistics, then the output.
//!
//! `y = relu(gamma * (x - mean) / sqrt(var + eps) + beta)`, with mean and biased variance over
//! batch and space. Pixels are summed in f32 in pieces of fixed size; the pieces are merged in f64.

mod gradient;
mod map;
mod statistics;
mod sums;
#[cfg(test)]
mod tests;

pub use self::gradient::{Normalised, Parameters, add_sums, gradient};
pub use self::map::{affine_relu, affine_relu_gradient};
pub use self::statistics::{Statistics, moments, statistics};

/// The shape `[pixels, channels]` of an activation whose images, rows and columns are flattened.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Pixels of all images.
    pub pixels: usize,
    /// Channels.
    pub channels: usize,
}

/// Pixels of a piece that is summed in f32: fixed, so that the order of additions does not depend on the number of
/// threads. With fewer pixels, adding the sums of the pieces in f64 would take too long; with more, a piece of few
/// channels would leave the first-level cache.
fn piece_pixels(channels: usize) -> usize {
    (4096 / channels).max(64)
}

/// Numbers of a piece.
fn piece(channels: usize) -> usize {
    piece_pixels(channels) * channels
}

/// Numbers of a task at least.
const TASK: usize = 1 << 16;

/// Numbers of a task: whole pieces.
fn task(channels: usize) -> usize {
    TASK.next_multiple_of(piece(channels))
}

impl Shape {
    /// Numbers of a piece.
    fn piece(&self) -> usize {
        piece(self.channels)
    }

    /// Numbers of a task.
    fn task(&self) -> usize {
        task(self.channels)
    }
}
