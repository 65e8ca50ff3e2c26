//! What a network does with a convolution's input and output, done on the way.

use super::planes::put;
use std::mem::MaybeUninit;

/// `relu(scale[c] x + shift[c])` of a convolution's input: scale and shift.
pub type Before<'a> = Option<(&'a [f32], &'a [f32])>;

/// Channel `c` as a convolution sees it, made in `room` where it differs.
#[inline(always)]
pub fn seen<'a>(before: Before, c: usize, channel: &'a [f32], room: &'a mut [f32]) -> &'a [f32] {
    let Some((scale, shift)) = before else { return channel };
    let (scale, shift) = (scale[c], shift[c]);
    for (to, &x) in room.iter_mut().zip(channel) {
        *to = relu(scale * x + shift);
    }
    room
}

/// What is done with a convolution's input and output; nothing by default.
#[derive(Clone, Copy, Default)]
pub struct Fused<'a> {
    pub before: Before<'a>,
    pub after: After<'a>,
}

/// See [`Fused`].
#[derive(Clone, Copy, Default)]
pub enum After<'a> {
    #[default]
    Nothing,
    /// Adds a number to every output channel, then takes the ReLU where wanted.
    Bias { bias: &'a [f32], relu: bool },
    /// Adds this `[n, cout, oh, ow]`.
    Skip(&'a [f32]),
}

impl After<'_> {
    /// Writes a row of output channel `c`, the one that begins at element `at` of the whole output.
    #[inline(always)]
    pub fn put(self, c: usize, at: usize, from: &[f32], to: &mut [MaybeUninit<f32>]) {
        match self {
            After::Nothing => put(to, from, |v| v),
            After::Bias { bias, relu: true } => {
                let bias = bias[c];
                put(to, from, |v| relu(v + bias));
            }
            After::Bias { bias, relu: false } => {
                let bias = bias[c];
                put(to, from, |v| v + bias);
            }
            After::Skip(skip) => {
                for ((to, &v), &skip) in to.iter_mut().zip(from).zip(&skip[at..]) {
                    to.write(v + skip);
                }
            }
        }
    }
}

/// ReLU that lets not-a-number through, so that a diverged run shows.
#[inline(always)]
pub fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}
