//! RGB images as plain pixel buffers.

/// An RGB image: rows from the top, three bytes a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    /// `3 * width * height` bytes.
    pub pixels: Vec<u8>,
}

impl Image {
    /// A black image.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; 3 * width * height] }
    }

    /// An image from bytes, or `None` where their number is not `3 * width * height`.
    pub fn from_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        (pixels.len() == 3 * width * height).then_some(Self { width, height, pixels })
    }

    /// The pixel in column `x`, row `y`.
    pub fn get(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Sets the pixel in column `x`, row `y`.
    pub fn set(&mut self, x: usize, y: usize, rgb: [u8; 3]) {
        let at = 3 * (y * self.width + x);
        self.pixels[at..at + 3].copy_from_slice(&rgb);
    }
}

/// `opacity * over + (1 - opacity) * under`, rounded half up; in 0..=255 by construction for an
/// opacity in 0..=1.
pub fn blend(under: u8, over: f32, opacity: f32) -> u8 {
    let value = opacity * over + (1.0 - opacity) * f32::from(under);
    (value + 0.5).clamp(0.0, 255.0) as u8
}
