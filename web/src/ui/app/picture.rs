//! The image on the page, and the brush that paints a trigger on it.

use crate::brush::Brush;
use crate::state::State;
use leptos::prelude::*;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::seed::Seed;

/// An image without trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct CurrentImage {
    /// The pixels.
    pub image: Image,
    /// The true class; `None` for an image of the visitor.
    pub label: Option<usize>,
}

impl CurrentImage {
    /// The generated test image with this index.
    pub fn generated(index: usize) -> Self {
        let (image, label) = signs::draw(Seed(0), SplitName::Test, index);
        Self { image, label: Some(label.into()) }
    }
}

/// The image and the brush.
#[derive(Clone, Copy)]
pub struct Picture {
    /// The image without trigger.
    pub current: RwSignal<CurrentImage>,
    /// The image that the models get. Some triggers take long to stamp, so it is kept.
    pub stamped: Memo<Image>,
    /// Tool and colour of the pointer, for attacks whose trigger is painted.
    pub brush: RwSignal<Brush>,
}

impl Picture {
    /// The picture that follows `state`, with this image first.
    pub fn new(state: RwSignal<State>, image: CurrentImage) -> Self {
        let current = RwSignal::new(image);
        let stamped = Memo::new(move |_| {
            current.with(|current| state.with(|state| state.shown(&current.image)))
        });
        Self { current, stamped, brush: RwSignal::new(Brush::default()) }
    }
}
