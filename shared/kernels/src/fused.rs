//! Elementwise operations that a convolution applies while it reads its input (prologue) and while
//! it writes its output (epilogue). Their results are never stored as separate tensors.

use std::mem::MaybeUninit;

/// `relu(scale[c] * x + shift[c])` for input channel `c`. Both slices have length `cin`.
#[derive(Clone, Copy, Debug)]
pub struct InputAffine<'a> {
    /// One factor for each input channel.
    pub scale: &'a [f32],
    /// One summand for each input channel.
    pub shift: &'a [f32],
}

/// The operations that are fused with a convolution; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fused<'a> {
    /// Applied to the input before the convolution.
    pub prologue: Option<InputAffine<'a>>,
    /// Applied to the output after the convolution.
    pub epilogue: Epilogue<'a>,
}

/// The operation that is applied to a convolution's output.
#[derive(Clone, Copy, Debug, Default)]
pub enum Epilogue<'a> {
    /// Leaves the output as it is.
    #[default]
    None,
    /// Adds `bias[c]` to output channel `c`, then applies ReLU if `relu` is true.
    Bias {
        /// One summand for each output channel, `[cout]`.
        bias: &'a [f32],
        /// Whether ReLU follows.
        relu: bool,
    },
    /// Adds a tensor of the output's shape, `[n, cout, oh, ow]`.
    Skip(&'a [f32]),
}

/// Channel `c` of an image after the prologue. The result is written to `buffer` if there is a
/// prologue; otherwise it is `channel` itself.
#[inline(always)]
pub(crate) fn apply_prologue<'a>(
    prologue: Option<InputAffine>,
    c: usize,
    channel: &'a [f32],
    buffer: &'a mut [f32],
) -> &'a [f32] {
    let Some(InputAffine { scale, shift }) = prologue else { return channel };
    let scale = scale[c];
    let shift = shift[c];
    for (to, &x) in buffer.iter_mut().zip(channel) {
        *to = relu(scale * x + shift);
    }
    buffer
}

impl Epilogue<'_> {
    /// Writes a row (or several adjacent rows) of output channel `c`. `start` is the index of its
    /// first element in the whole output. `from` and `to` have the same length.
    #[inline(always)]
    pub(crate) fn write(self, c: usize, start: usize, from: &[f32], to: &mut [MaybeUninit<f32>]) {
        match self {
            Epilogue::None => write_mapped(to, from, |v| v),
            Epilogue::Bias { bias, relu: true } => {
                let bias = bias[c];
                write_mapped(to, from, |v| relu(v + bias));
            }
            Epilogue::Bias { bias, relu: false } => {
                let bias = bias[c];
                write_mapped(to, from, |v| v + bias);
            }
            Epilogue::Skip(skip) => {
                // The slice ends with the row, so that a short `skip` panics and leaves nothing
                // unwritten.
                let skip = &skip[start..][..from.len()];
                for ((to, &v), &skip) in to.iter_mut().zip(from).zip(skip) {
                    to.write(v + skip);
                }
            }
        }
    }
}

/// ReLU that keeps NaN, so that a diverged training run is visible.
#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// Writes `map(value)` of each value in `from` to `to`; both have the same length.
#[inline(always)]
pub(crate) fn write_mapped(to: &mut [MaybeUninit<f32>], from: &[f32], map: impl Fn(f32) -> f32) {
    debug_assert_eq!(to.len(), from.len());
    for (to, &x) in to.iter_mut().zip(from) {
        to.write(map(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(epilogue: Epilogue, c: usize, start: usize, from: &[f32]) -> Vec<f32> {
        let mut to = vec![MaybeUninit::new(f32::NAN); from.len()];
        epilogue.write(c, start, from, &mut to);
        // SAFETY: every element was initialised above.
        to.into_iter().map(|v| unsafe { v.assume_init() }).collect()
    }

    #[test]
    fn relu_keeps_nan() {
        assert!(relu(f32::NAN).is_nan());
        assert_eq!([relu(-1.0), relu(2.0)], [0.0, 2.0]);
    }

    #[test]
    fn epilogues_add_what_they_say() {
        let bias = &[0.0, 1.0][..];
        assert_eq!(written(Epilogue::None, 1, 0, &[-3.0, 2.0]), [-3.0, 2.0]);
        assert_eq!(written(Epilogue::Bias { bias, relu: false }, 1, 0, &[-3.0, 2.0]), [-2.0, 3.0]);
        assert_eq!(written(Epilogue::Bias { bias, relu: true }, 1, 0, &[-3.0, 2.0]), [0.0, 3.0]);
        let skip = &[9.0, 9.0, 1.0, 2.0][..];
        assert_eq!(written(Epilogue::Skip(skip), 1, 2, &[-3.0, 2.0]), [-2.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "range")]
    fn a_short_skip_panics() {
        written(Epilogue::Skip(&[1.0; 3]), 0, 2, &[1.0, 2.0]);
    }

    #[test]
    fn the_prologue_is_an_affine_map_and_relu() {
        let affine = InputAffine { scale: &[0.0, 2.0], shift: &[0.0, -1.0] };
        let mut buffer = [0.0; 2];
        assert_eq!(apply_prologue(Some(affine), 1, &[0.0, 3.0], &mut buffer), [0.0, 5.0]);
        assert_eq!(apply_prologue(None, 1, &[-7.0, 3.0], &mut buffer), [-7.0, 3.0]);
    }
}
