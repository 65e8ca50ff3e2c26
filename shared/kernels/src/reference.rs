//! Convolutions by their definition, which the unit tests compare the kernels with.

use crate::geometry::Geometry;

/// `count` numbers in -1..1 that depend on `seed` only.
pub fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Panics if the largest difference exceeds `2e-4` of the largest expected value (or of 1).
#[track_caller]
pub fn close(ours: &[f32], expected: &[f32]) {
    assert_eq!(ours.len(), expected.len());
    let scale = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 2e-4 * scale, "element {i}: {a} is not {b}");
    }
}

/// Calls `visit(input, weight, output)` with the indices of every product of the convolution.
fn products(g: Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let oh = g.out_height();
    let ow = g.out_width();
    for n in 0..g.n {
        for co in 0..g.cout {
            for y in 0..oh {
                for x in 0..ow {
                    let output = ((n * oh + y) * ow + x) * g.cout + co;
                    for ci in 0..g.cin {
                        for t in 0..g.taps() {
                            let row = (y * g.stride + t / g.kernel).wrapping_sub(g.pad());
                            let column = (x * g.stride + t % g.kernel).wrapping_sub(g.pad());
                            if row < g.height && column < g.width {
                                let input = ((n * g.height + row) * g.width + column) * g.cin + ci;
                                visit(input, (co * g.cin + ci) * g.taps() + t, output);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The output, `[n, oh, ow, cout]`.
pub fn forward(g: Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; g.n * g.out_size()];
    products(g, |i, w, o| y[o] += x[i] * weight[w]);
    y
}

/// The gradient with respect to the input, `[n, h, w, cin]`.
pub fn input_gradient(g: Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; g.n * g.in_size()];
    products(g, |i, w, o| dx[i] += dy[o] * weight[w]);
    dx
}

/// The gradient with respect to the weights, `[cout, cin, k, k]`.
pub fn weight_gradient(g: Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dw = vec![0.0; g.cout * g.cin * g.taps()];
    products(g, |i, w, o| dw[w] += x[i] * dy[o]);
    dw
}
