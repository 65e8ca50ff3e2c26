//! The images that a network can read.

use super::{Arch, ArchError, Description, Value};

/// A network cannot read images of a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// There is no such network.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// A layer would have no output.
    #[error(
        "{arch} cannot use images of {width}x{height} pixels; each side must have at least {least}"
    )]
    TooSmall {
        /// Name of the network.
        arch: String,
        /// Pixels in a row.
        width: usize,
        /// Number of rows.
        height: usize,
        /// The smallest side.
        least: usize,
    },
}

impl Arch {
    /// Checks that every layer has an output for images of this width and height. A pooling halves
    /// the sides, so a network with five of them needs 32 pixels.
    ///
    /// # Errors
    /// If the architecture is not known or the images are too small for it.
    pub fn check_images(&self, (width, height): (usize, usize)) -> Result<(), ImagesError> {
        let least = smallest_side(&self.describe()?);
        if width < least || height < least {
            return Err(ImagesError::TooSmall { arch: self.name.clone(), width, height, least });
        }
        Ok(())
    }
}

/// Side of the smallest square images for which every layer has an output.
fn smallest_side(network: &Description) -> usize {
    let is_enough = |side: &usize| {
        let layers = 0..network.layers.len();
        layers.into_iter().all(|layer| network.size_of(Value::Layer(layer), (*side, *side)).0 > 0)
    };
    // Every halving doubles the side.
    (0..usize::BITS).map(|halvings| 1 << halvings).find(is_enough).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vgg_needs_32_pixels() {
        let arch = |name: &str| Arch { name: name.to_string(), classes: 10, normalisation: None };
        assert_eq!(arch("vgg19-bn").check_images((32, 48)), Ok(()));
        let error = arch("vgg19-bn").check_images((48, 31)).expect_err("refused").to_string();
        assert!(error.contains("vgg19-bn cannot use images of 48x31 pixels"), "{error}");
        assert!(error.contains("at least 32"), "{error}");
        assert_eq!(arch("wrn-16-1").check_images((8, 8)), Ok(()));
        assert!(matches!(arch("vgg").check_images((32, 32)), Err(ImagesError::Arch(_))));
    }
}
