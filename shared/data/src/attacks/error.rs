//! Errors of an attack's settings.

use crate::settings::SettingsError;

/// Error of an attack's settings, alone or for images of a certain size.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AttackError {
    /// The values are not the settings of the attack.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A trigger reaches beyond the image.
    #[error("a trigger of {side} pixels at {key} = {at} does not fit the {width}x{height} image")]
    Place {
        /// Side of the trigger along the axis.
        side: usize,
        /// The axis: `x` or `y`.
        key: &'static str,
        /// First column or row of the trigger.
        at: usize,
        /// Width of the image.
        width: usize,
        /// Height of the image.
        height: usize,
    },
    /// A picture that is laid over the whole image has another size.
    #[error(
        "the picture has {}x{} pixels, the images {}x{}; bring it to their size",
        picture.0, picture.1, image.0, image.1
    )]
    Size {
        /// Width and height of the picture.
        picture: (usize, usize),
        /// Width and height of the image.
        image: (usize, usize),
    },
    /// A picture or a painted trigger reaches beyond the image.
    #[error("the picture reaches beyond the {width}x{height} image")]
    Beyond {
        /// Width of the image.
        width: usize,
        /// Height of the image.
        height: usize,
    },
    /// A painted trigger leaves nothing of the image.
    #[error(
        "the picture hides the whole image; leave some of it transparent, or set opacity below 1"
    )]
    Hides,
}

#[cfg(test)]
mod tests {
    use crate::attacks::attack;
    use crate::method::Values;
    use crate::sprite::Sprite;

    /// A whole picture may be blended: it hides nothing then.
    #[test]
    fn pictures_that_hide_nothing_are_accepted() {
        let whole = Sprite { x: 0, y: 0, width: 8, height: 8, rgba: vec![[0, 0, 0, 255]; 64] };
        let whole = format!("picture={whole}");
        let accepted =
            [("custom", vec![whole.as_str(), "opacity=0.5"]), ("blend", vec![whole.as_str()])];
        for (id, pairs) in accepted {
            let values = Values::parse(pairs).expect("pairs");
            assert_eq!(attack(id).expect("listed").check(&values, 8, 8), Ok(()), "{id}");
        }
    }

    #[test]
    fn faults_have_these_sentences() {
        let whole = Sprite { x: 0, y: 0, width: 8, height: 8, rgba: vec![[0, 0, 0, 255]; 64] };
        let moved = format!("picture={}", Sprite { x: 1, ..whole.clone() });
        let whole = format!("picture={whole}");
        let no_picture = "square: it is not a picture of the form WIDTHxHEIGHT+X+Y:PIXELS";
        let cases = [
            ("badnets", "x=6", "a trigger of 3 pixels at x = 6 does not fit the 8x8 image"),
            ("clean_label", "size=9", "a trigger of 9 pixels at x = 0 does not fit the 8x8 image"),
            ("trojan", "y=6", "a trigger of 3 pixels at y = 6 does not fit the 8x8 image"),
            ("trojan", "square=red", no_picture),
            ("trojan", "square=", no_picture),
            (
                "blend",
                "picture=1x1+0+0:_wAA_w",
                "the picture has 1x1 pixels, the images 8x8; bring it to their size",
            ),
            ("blend", &moved, "the picture reaches beyond the 8x8 image"),
            ("custom", "x=6", "the picture reaches beyond the 8x8 image"),
            (
                "custom",
                &whole,
                "the picture hides the whole image; leave some of it transparent, or set opacity below 1",
            ),
            ("sig", "delta=-1", "delta = -1 is not a number from 0 to 255"),
        ];
        for (id, pair, sentence) in cases {
            let values = Values::parse([pair]).expect("a pair");
            let fault = attack(id).expect("listed").check(&values, 8, 8).expect_err(pair);
            assert_eq!(fault.to_string(), sentence);
        }
    }
}
