//! Elementwise operations that a convolution applies while it reads its input (prologue) and while
//! it writes its output (epilogue). Their results are never stored as separate tensors.

use crate::simd::{fma, load_part, relu};
use pulp::Simd;

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
    /// Adds a tensor of the output's shape, `[n, oh, ow, cout]`.
    Skip(&'a [f32]),
}

impl InputAffine<'_> {
    /// The prologue of a vector of neighbouring channels, of which `channel` is the first.
    #[inline(always)]
    pub(crate) fn vector<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(S::f32s) -> S::f32s + use<S> {
        let scale = channels(simd, self.scale, channel);
        let shift = channels(simd, self.shift, channel);
        #[inline(always)]
        move |x| relu(simd, fma(simd, scale, x, shift))
    }

    /// The gradient before ReLU, as a function of `x` and the gradient `dy` after it: `dy` where `scale x + shift` is
    /// positive, and else 0. For a vector of neighbouring channels, of which `channel` is the first.
    #[inline(always)]
    pub(crate) fn gradient<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(S::f32s, S::f32s) -> S::f32s + use<S> {
        let scale = channels(simd, self.scale, channel);
        let shift = channels(simd, self.shift, channel);
        let zero = simd.splat_f32s(0.0);
        #[inline(always)]
        move |x, dy| {
            let y = fma(simd, scale, x, shift);
            simd.select_f32s(simd.greater_than_f32s(y, zero), dy, zero)
        }
    }
}

/// A vector of one number for each channel from `channel` on; zeros past the last channel.
#[inline(always)]
pub(crate) fn channels<S: Simd>(simd: S, values: &[f32], channel: usize) -> S::f32s {
    let values = &values[channel..];
    // SAFETY: no more numbers are read than there are.
    unsafe { load_part(simd, values.as_ptr(), values.len()) }
}

/// An epilogue, as a function of vectors. Its variants are types, so that the loops that apply it are compiled
/// for each of them.
pub(crate) trait VectorEpilogue: Copy {
    /// The function for vectors of neighbouring channels, of which `channel` is the first. It takes the index of
    /// the vector in the whole output, the number of channels that are left there, and the vector.
    ///
    /// # Safety
    /// The function may be called only for an index and a number of channels inside an output that the epilogue
    /// [covers](Epilogue::covers).
    unsafe fn of<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(usize, usize, S::f32s) -> S::f32s;
}

/// [`Epilogue::None`].
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl VectorEpilogue for Plain {
    #[inline(always)]
    unsafe fn of<S: Simd>(&self, _: S, _: usize) -> impl Fn(usize, usize, S::f32s) -> S::f32s {
        #[inline(always)]
        |_, _, value| value
    }
}

/// [`Epilogue::Bias`].
#[derive(Clone, Copy)]
pub(crate) struct Biased<'a> {
    pub bias: &'a [f32],
    pub relu: bool,
}

impl VectorEpilogue for Biased<'_> {
    #[inline(always)]
    unsafe fn of<S: Simd>(
        &self,
        simd: S,
        channel: usize,
    ) -> impl Fn(usize, usize, S::f32s) -> S::f32s {
        let bias = channels(simd, self.bias, channel);
        let after = self.relu;
        #[inline(always)]
        move |_, _, value| {
            let sum = simd.add_f32s(value, bias);
            if after { relu(simd, sum) } else { sum }
        }
    }
}

/// [`Epilogue::Skip`].
#[derive(Clone, Copy)]
pub(crate) struct Added<'a>(pub &'a [f32]);

impl VectorEpilogue for Added<'_> {
    #[inline(always)]
    unsafe fn of<S: Simd>(&self, simd: S, _: usize) -> impl Fn(usize, usize, S::f32s) -> S::f32s {
        let skip = self.0.as_ptr();
        #[inline(always)]
        move |index, count, value| {
            // SAFETY: the caller promises that the skip holds the vector.
            let skip = unsafe { load_part(simd, skip.add(index), count) };
            simd.add_f32s(value, skip)
        }
    }
}

impl Epilogue<'_> {
    /// Whether the epilogue has a number for each of `length` numbers of an output of `channels` channels.
    pub(crate) fn covers(&self, length: usize, channels: usize) -> bool {
        match self {
            Epilogue::None => true,
            Epilogue::Bias { bias, .. } => bias.len() == channels,
            Epilogue::Skip(skip) => skip.len() >= length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Scalar;

    #[test]
    fn an_epilogue_covers_an_output_that_it_has_numbers_for() {
        let bias = Epilogue::Bias { bias: &[0.0; 3], relu: false };
        assert!(bias.covers(12, 3) && !bias.covers(12, 4));
        let skip = Epilogue::Skip(&[0.0; 12]);
        assert!(skip.covers(12, 3) && !skip.covers(13, 3));
        assert!(Epilogue::None.covers(12, 3));
    }

    #[test]
    fn the_gradient_passes_where_the_prologue_is_positive() {
        let affine = InputAffine { scale: &[9.0, 2.0], shift: &[9.0, -4.0] };
        let map = affine.vector(Scalar::new(), 1);
        assert_eq!([1.0, 2.0, 3.0].map(map), [0.0, 0.0, 2.0]);
        let gradient = affine.gradient(Scalar::new(), 1);
        assert_eq!([1.0, 2.0, 3.0].map(|x| gradient(x, 5.0)), [0.0, 0.0, 5.0]);
    }

    #[test]
    fn relu_follows_the_bias_on_request() {
        let simd = Scalar::new();
        let bias = [9.0, -2.0];
        for (relu, expected) in [(false, [-1.0, 3.0]), (true, [0.0, 3.0])] {
            let epilogue = Biased { bias: &bias, relu };
            // SAFETY: the output has one pixel of two channels, and the bias two numbers.
            let biased = unsafe { epilogue.of(simd, 1) };
            assert_eq!([1.0, 5.0].map(|value| biased(1, 1, value)), expected);
        }
    }
}
