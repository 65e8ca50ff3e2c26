//! Triggers for the generated `signs`: the pictures that an attack needs are drawn, not loaded.

use super::{PoisonError, Trigger, TriggerRecord, reflections};
use crate::attacks::{Needs, Pictures, attack};
use crate::datasets::{SplitName, signs};
use crate::seed::Seed;
use std::sync::{Arc, LazyLock};

/// The training images of `signs` (seed 0, 32x32) that Refool reflects, by their index. They are a constant,
/// and drawing them takes longer than stamping an image, so they are drawn once.
pub fn sign_reflections() -> Arc<Pictures> {
    static DRAWN: LazyLock<Arc<Pictures>> = LazyLock::new(|| {
        let chosen = reflections(signs::TRAIN, Seed(0)).into_iter();
        Arc::new(chosen.map(|i| (i, signs::draw(Seed(0), SplitName::Train, i).0)).collect())
    });
    DRAWN.clone()
}

/// A trigger for the generated `signs`, the page's only data set.
///
/// # Errors
///
/// As [`Trigger::new`].
pub fn sign_trigger(record: &TriggerRecord, classes: usize) -> Result<Trigger, PoisonError> {
    let reflects = attack(&record.attack).is_some_and(|a| a.needs() == Needs::Reflections);
    let pictures = if reflects { sign_reflections() } else { Arc::default() };
    Trigger::new(record, classes, (signs::SIZE, signs::SIZE), pictures)
}
