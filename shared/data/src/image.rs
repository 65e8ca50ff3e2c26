//! RGB images as plain pixel buffers.

/// The most columns or rows of a picture that a trigger is put on: as many as a JPEG can have.
pub const LARGEST_PICTURE: usize = 65_535;

/// An RGB image: rows from the top, three bytes a pixel.
/// # Examples
///
/// ```
/// use unstamp_data::image::Image;
///
/// let mut image = Image::new(3, 2);
/// image.set(2, 1, [255, 0, 0]);
/// assert_eq!(image.get(2, 1), [255, 0, 0]);
/// assert_eq!(image.pixels.len(), 3 * 3 * 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `3 * width * height` bytes: red, green and blue of each pixel.
    pub pixels: Vec<u8>,
}

impl Image {
    /// A black image.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; 3 * width * height] }
    }

    /// An image from bytes, or `None` if their number is not `3 * width * height`.
    pub fn from_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        (pixels.len() == 3 * width * height).then_some(Self { width, height, pixels })
    }

    /// The pixel in column `x`, row `y`.
    ///
    /// # Panics
    /// If there is no such pixel in the buffer.
    pub fn get(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Sets the pixel in column `x`, row `y`.
    ///
    /// # Panics
    /// If there is no such pixel in the buffer.
    pub fn set(&mut self, x: usize, y: usize, rgb: [u8; 3]) {
        let at = 3 * (y * self.width + x);
        self.pixels[at..at + 3].copy_from_slice(&rgb);
    }
}

/// `opacity * over + (1 - opacity) * under`, rounded half up and limited to 0..=255.
pub fn blend(under: u8, over: f32, opacity: f32) -> u8 {
    let value = opacity * over + (1.0 - opacity) * f32::from(under);
    (value + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_one_after_another() {
        let mut image = Image::new(3, 2);
        image.set(2, 1, [1, 2, 3]);
        assert_eq!(image.pixels[15..], [1, 2, 3]);
        assert_eq!(image.get(2, 1), [1, 2, 3]);
        assert_eq!(Image::from_pixels(3, 2, image.pixels.clone()), Some(image));
        assert_eq!(Image::from_pixels(3, 2, vec![0; 17]), None);
    }

    #[test]
    fn blending_rounds_half_up_and_saturates() {
        assert_eq!(blend(100, 200.0, 0.0), 100);
        assert_eq!(blend(100, 200.0, 1.0), 200);
        assert_eq!(blend(0, 1.0, 0.5), 1, "0.5 becomes 1");
        assert_eq!(blend(255, 400.0, 1.0), 255);
        assert_eq!(blend(0, -5.0, 1.0), 0);
    }
}
