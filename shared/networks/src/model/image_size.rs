//! The images that a network can read.

use super::{Arch, ArchError, Description, RGB, Value};

/// A network cannot read images of a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// There is no such network.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// Images of data sets have three channels.
    #[error("{arch} reads images of {channels} channels, but data sets hold RGB images")]
    Channels {
        /// Name of the network.
        arch: String,
        /// Channels that it reads.
        channels: usize,
    },
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
    /// Checks that every layer has an output for RGB images of this width and height. A pooling
    /// halves the sides, so a network with five of them needs 32 pixels.
    ///
    /// # Errors
    /// If the architecture is not known, reads images that are not RGB, or the images are too small
    /// for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use unstamp_networks::model::Arch;
    ///
    /// let vgg = Arch::new("vgg19-bn", 10);
    /// assert!(vgg.check_images((32, 32)).is_ok());
    /// let error = vgg.check_images((32, 16)).expect_err("five poolings leave no row");
    /// assert!(error.to_string().ends_with("each side must have at least 32"));
    /// ```
    pub fn check_images(&self, (width, height): (usize, usize)) -> Result<(), ImagesError> {
        let least = smallest_side(&self.describe()?);
        if self.channels != RGB {
            return Err(ImagesError::Channels { arch: self.name.clone(), channels: self.channels });
        }
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
        let arch = |name: &str| Arch::new(name, 10);
        assert_eq!(arch("vgg19-bn").check_images((32, 48)), Ok(()));
        let error = arch("vgg19-bn").check_images((48, 31)).expect_err("refused").to_string();
        assert!(error.contains("vgg19-bn cannot use images of 48x31 pixels"), "{error}");
        assert!(error.contains("at least 32"), "{error}");
        assert_eq!(arch("wrn-16-1").check_images((8, 8)), Ok(()));
        assert!(matches!(arch("vgg").check_images((32, 32)), Err(ImagesError::Arch(_))));
    }

    #[test]
    fn images_of_data_sets_are_rgb() {
        let arch = Arch { channels: 1, ..Arch::new("wrn-16-1", 10) };
        let error = ImagesError::Channels { arch: "wrn-16-1".into(), channels: 1 };
        assert_eq!(arch.check_images((32, 32)), Err(error));
        let none = Arch { channels: 0, ..arch.clone() };
        assert_eq!(none.describe(), Err(ArchError::Channels(0)));
        let normalised = Arch { normalisation: Some([[0.5; 3]; 2]), ..arch };
        assert_eq!(normalised.describe(), Err(ArchError::Normalisation(1)));
    }
}
