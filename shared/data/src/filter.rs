//! Filters on colour images as numbers in 0..1 (three values a pixel, rows from the top). Only
//! `libm` and basic arithmetic are used, so every platform gives the same bits.

use crate::image::Image;

/// An image as numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Light {
    /// Pixels in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `3 * width * height` values.
    pub values: Vec<f32>,
}

impl Light {
    /// The bytes of an image divided by 255.
    pub fn of(image: &Image) -> Self {
        let values = image.pixels.iter().map(|v| f32::from(*v) / 255.0).collect();
        Self { width: image.width, height: image.height, values }
    }

    /// Bytes, rounded half up.
    pub fn image(&self) -> Image {
        let bytes = self.values.iter().map(|v| (255.0 * v + 0.5).clamp(0.0, 255.0) as u8);
        let pixels = bytes.collect();
        Image { width: self.width, height: self.height, pixels }
    }

    /// An image whose value at `(x, y, channel)` is `value(x, y, channel)`.
    pub fn from_fn(
        width: usize,
        height: usize,
        mut value: impl FnMut(usize, usize, usize) -> f32,
    ) -> Self {
        let mut values = Vec::with_capacity(3 * width * height);
        for y in 0..height {
            for x in 0..width {
                values.extend([0, 1, 2].map(|c| value(x, y, c)));
            }
        }
        Self { width, height, values }
    }

    /// The value of channel `c` in column `x`, row `y`.
    pub fn get(&self, x: usize, y: usize, c: usize) -> f32 {
        self.values[3 * (y * self.width + x) + c]
    }

    /// Applies `f` to every value.
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    /// Combines the values of two images of one size by `f`.
    pub fn zip(mut self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        self.values.iter_mut().zip(&other.values).for_each(|(a, b)| *a = f(*a, *b));
        self
    }

    /// The mean over pixels and channels; 0 for an image without pixels.
    pub fn mean(&self) -> f32 {
        self.values.iter().sum::<f32>() / self.values.len().max(1) as f32
    }

    /// Resamples columns, then rows: each output index is a weighted sum of input indices.
    /// `taps(from, to)` returns a list for each of the `to` output indices; its entries are input
    /// indices below `from` and their weights.
    fn separable(
        &self,
        (width, height): (usize, usize),
        taps: impl Fn(usize, usize) -> Vec<Taps>,
    ) -> Self {
        let columns = taps(self.width, width);
        let rows = taps(self.height, height);
        let wide = Self::from_fn(width, self.height, |x, y, c| {
            columns[x].iter().map(|&(at, w)| w * self.get(at, y, c)).sum()
        });
        Self::from_fn(width, height, |x, y, c| {
            rows[y].iter().map(|&(at, w)| w * wide.get(x, at, c)).sum()
        })
    }

    /// Gaussian blur with `2 ceil(2 sigma) + 1` taps, mirrored at the border without repeating
    /// the edge.
    pub fn blurred(&self, sigma: f32) -> Self {
        let radius = libm::ceilf(2.0 * sigma) as i64;
        let bell: Vec<f32> = (-radius..=radius)
            .map(|d| libm::expf(-((d * d) as f32) / (2.0 * sigma * sigma)))
            .collect();
        let total: f32 = bell.iter().sum();
        let taps_at = |x: usize, size: usize| -> Taps {
            let around = (x as i64 - radius..).zip(&bell);
            around.map(|(at, weight)| (mirrored(at, size), weight / total)).collect()
        };
        self.separable((self.width, self.height), |size, _| {
            (0..size).map(|x| taps_at(x, size)).collect()
        })
    }

    /// Another size by cubic interpolation (a = -0.75, pixel centres, edge repeated).
    pub fn resized(&self, width: usize, height: usize) -> Self {
        self.separable((width, height), |from, to| {
            let scale = from as f32 / to as f32;
            (0..to).map(|x| cubic_taps((x as f32 + 0.5) * scale - 0.5, from)).collect()
        })
    }
}

/// Places of an axis and their weights.
type Taps = Vec<(usize, f32)>;

/// The place of `size` at which `at` lies if an axis is mirrored at both ends.
fn mirrored(at: i64, size: usize) -> usize {
    let period = (2 * size as i64 - 2).max(1);
    let at = at.rem_euclid(period);
    at.min(period - at) as usize
}

/// Weight of a place at distance `d` in cubic interpolation with a = -0.75.
fn cubic(d: f32) -> f32 {
    const A: f32 = -0.75;
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    } else {
        0.0
    }
}

/// The four places around `centre` on an axis of `size` places.
fn cubic_taps(centre: f32, size: usize) -> Taps {
    let left = libm::floorf(centre);
    let tap = |d: i64| {
        let at = (left as i64 + d).clamp(0, size as i64 - 1) as usize;
        (at, cubic((centre - left - d as f32).abs()))
    };
    (-1..=2).map(tap).collect()
}

/// Structural similarity (Wang et al. 2004, <https://doi.org/10.1109/TIP.2003.819861>): means over 7x7 windows wholly inside, sample
/// covariances, K1 = 0.01, K2 = 0.03, range 1; the mean over windows and channels.
pub(crate) fn ssim(a: &Light, b: &Light) -> f32 {
    const SIDE: usize = 7;
    const N: f64 = (SIDE * SIDE) as f64;
    let c1 = 0.01f64 * 0.01;
    let c2 = 0.03f64 * 0.03;
    if a.width < SIDE || a.height < SIDE {
        return if a == b { 1.0 } else { 0.0 };
    }
    let wide = a.width + 1 - SIDE;
    let tall = a.height + 1 - SIDE;
    let mut total = 0.0;
    for c in 0..3 {
        // Sums over rows of 7, then over columns of 7 of these: of p, q, p^2, q^2 and p q.
        let rows: Vec<[f64; 5]> = (0..a.height * wide)
            .map(|at| {
                let x = at % wide;
                let y = at / wide;
                let mut sums = [0.0; 5];
                for x in x..x + SIDE {
                    let p = f64::from(a.get(x, y, c));
                    let q = f64::from(b.get(x, y, c));
                    add(&mut sums, &[p, q, p * p, q * q, p * q]);
                }
                sums
            })
            .collect();
        for at in 0..tall * wide {
            let mut sums = [0.0; 5];
            (0..SIDE).for_each(|y| add(&mut sums, &rows[at + y * wide]));
            let [p, q, pp, qq, pq] = sums.map(|sum| sum / N);
            let unbiased = N / (N - 1.0);
            let vp = unbiased * (pp - p * p);
            let vq = unbiased * (qq - q * q);
            let cov = unbiased * (pq - p * q);
            total +=
                (2.0 * p * q + c1) * (2.0 * cov + c2) / ((p * p + q * q + c1) * (vp + vq + c2));
        }
    }
    (total / (3 * wide * tall) as f64) as f32
}

fn add(sums: &mut [f64; 5], terms: &[f64; 5]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Light {
        Light::from_fn(width, height, |x, y, c| (x + 2 * y + c) as f32 / 64.0)
    }

    #[test]
    fn bytes_survive() {
        let image = Image { width: 16, height: 16, pixels: (0..=255).cycle().take(768).collect() };
        assert_eq!(Light::of(&image).image(), image);
    }

    #[test]
    fn a_mirrored_axis_does_not_repeat_its_edge() {
        let places: Vec<usize> = (-3..8).map(|at| mirrored(at, 4)).collect();
        assert_eq!(places, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirrored(-2, 1), 0, "an axis of one place");
    }

    #[test]
    fn filters_keep_a_plain_image() {
        let plain = Light::from_fn(9, 5, |_, _, c| c as f32 / 4.0);
        for filtered in [plain.blurred(1.3), plain.resized(9, 5)] {
            for (found, expected) in filtered.values.iter().zip(&plain.values) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
        let larger = plain.resized(13, 11);
        assert_eq!((larger.width, larger.height), (13, 11));
        assert!((larger.get(12, 10, 2) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn similarity_is_1_for_the_same_image_only() {
        let image = ramp(12, 8);
        assert!((ssim(&image, &image) - 1.0).abs() < 1e-6);
        let negative = image.clone().map(|v| 1.0 - v);
        assert!(ssim(&image, &negative) < 0.5);
        let small = ramp(6, 6);
        assert_eq!(ssim(&small, &small), 1.0, "smaller than a window");
    }
}
