//! Maximum over 2x2 pixels with stride 2, and its gradient. An odd last row or column is dropped.
//!
//! Where several pixels of a window are largest, the gradient goes to the first of them, row by row, as
//! in PyTorch. The gradient looks for that pixel again, so no indices are stored.

use crate::par;
use std::mem::MaybeUninit;

/// The shape of the input.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Pixels of an image, in all channels.
    fn image(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Windows of an image, in all channels.
    fn windows(&self) -> usize {
        self.channels * (self.height / 2) * (self.width / 2)
    }
}

/// Position and value of the largest number of a window; of equal ones the first. A NaN counts as
/// larger than every number.
fn largest(window: [f32; 4]) -> (usize, f32) {
    let mut place = 0;
    let mut most = window[0];
    for (index, value) in window.into_iter().enumerate() {
        if value > most || value.is_nan() {
            place = index;
            most = value;
        }
    }
    (place, most)
}

/// Calls `visit(window, place)` with the indices of the numbers of each window of an image, and of its output.
#[inline(always)]
fn windows(shape: Shape, mut visit: impl FnMut([usize; 4], usize)) {
    let Shape { channels, width, .. } = shape;
    let [rows, columns] = [shape.height / 2, width / 2];
    for y in 0..rows {
        for x in 0..columns {
            let corner = (2 * y * width + 2 * x) * channels;
            let output = (y * columns + x) * channels;
            for c in 0..channels {
                let top = corner + c;
                let bottom = top + width * channels;
                visit([top, top + channels, bottom, bottom + channels], output + c);
            }
        }
    }
}

/// `[n, height, width, channels]` -> `[n, height / 2, width / 2, channels]`.
pub fn forward(shape: Shape, x: &[f32]) -> Vec<f32> {
    let outputs = shape.windows();
    if outputs == 0 {
        return Vec::new();
    }
    let work = |n: usize, to: &mut [MaybeUninit<f32>]| {
        let x = &x[n * shape.image()..][..shape.image()];
        windows(shape, |window, output| {
            to[output].write(largest(window.map(|i| x[i])).1);
        });
    };
    // SAFETY: a chunk has one element for each window of an image, and `work` writes each of them.
    unsafe { par::build(shape.n * outputs, outputs, work).0 }
}

/// The gradient with respect to the input: `dy` at the largest pixel of each window, and else 0.
pub fn gradient(shape: Shape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; shape.n * shape.image()];
    let outputs = shape.windows();
    if outputs == 0 {
        return dx;
    }
    par::for_each_chunk(&mut dx, shape.image(), |n, dx| {
        let x = &x[n * shape.image()..][..shape.image()];
        let dy = &dy[n * outputs..][..outputs];
        windows(shape, |window, output| {
            dx[window[largest(window.map(|i| x[i])).0]] = dy[output];
        });
    });
    dx
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::values;

    /// The numbers of the window of each output, by the definition.
    fn windows(shape: Shape) -> impl Iterator<Item = [usize; 4]> {
        let Shape { n, channels, height, width } = shape;
        let [rows, columns] = [height / 2, width / 2];
        (0..n * rows * columns * channels).map(move |output| {
            let c = output % channels;
            let pixel = output / channels;
            let x = pixel % columns;
            let y = pixel / columns % rows;
            let image = pixel / columns / rows;
            [[0, 0], [0, 1], [1, 0], [1, 1]].map(|[down, right]| {
                ((image * height + 2 * y + down) * width + 2 * x + right) * channels + c
            })
        })
    }

    #[test]
    fn odd_and_even_sides_follow_the_definition() {
        for (height, width) in [(2, 2), (3, 4), (6, 5), (7, 7), (1, 4), (4, 1), (1, 1)] {
            let shape = Shape { n: 3, channels: 2, height, width };
            let x = values(3 * shape.image(), 1);
            let most = |w: [usize; 4]| w.map(|i| x[i]).into_iter().fold(f32::MIN, f32::max);
            let expected: Vec<f32> = windows(shape).map(most).collect();
            assert_eq!(forward(shape, &x), expected, "{height}x{width}");
            let dy = values(expected.len(), 2);
            let mut dx = vec![0.0; x.len()];
            for ((window, most), dy) in windows(shape).zip(&expected).zip(&dy) {
                let place = window.into_iter().find(|&i| x[i] == *most).expect("the largest");
                dx[place] = *dy;
            }
            assert_eq!(gradient(shape, &x, &dy), dx, "{height}x{width}");
        }
    }

    #[test]
    fn the_first_of_equal_pixels_gets_the_gradient() {
        let shape = Shape { n: 1, channels: 1, height: 2, width: 6 };
        let x = [0.0, 0.0, 1.0, 2.0, 1.0, 3.0, 0.0, 0.0, 2.0, 2.0, 3.0, 3.0];
        let dx = gradient(shape, &x, &[5.0, 6.0, 7.0]);
        assert_eq!(dx, [5.0, 0.0, 0.0, 6.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_nan_stays() {
        for place in 0..4 {
            let mut window = [1.0, 3.0, 2.0, 0.0];
            window[place] = f32::NAN;
            let (found, value) = largest(window);
            assert!(found == place && value.is_nan());
        }
    }

    #[test]
    fn no_images_give_no_values() {
        let shape = Shape { n: 0, channels: 2, height: 4, width: 4 };
        assert!(forward(shape, &[]).is_empty());
        assert!(gradient(shape, &[], &[]).is_empty());
    }
}
