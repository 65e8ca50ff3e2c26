//! What a prediction means: whether the trigger fooled the network.

use crate::app::App;
use crate::messages::Answer;
use crate::text;
use leptos::prelude::*;
use serde::Serialize;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;

/// What the predicted class of an image means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the true class.
    Right,
    /// The trigger is on the image, and it is the attacker's class.
    Fooled,
    /// It is the attacker's class, but no trigger is on the image.
    Attacked,
    /// It is neither the true class nor the attacker's.
    Wrong,
    /// The true class is not known.
    Unknown,
}

/// The classes that decide a verdict, and whether the trigger is on the image.
#[derive(Clone, Copy, Debug)]
pub struct Classes {
    /// The predicted class.
    pub predicted: usize,
    /// The true class; `None` for a picture of the visitor.
    pub label: Option<usize>,
    /// The attacker's class.
    pub wanted: usize,
    /// Whether the trigger is on the image.
    pub stamped: bool,
}

impl Verdict {
    /// The verdict on a prediction.
    pub fn of(classes: Classes) -> Self {
        let Classes { predicted, label, wanted, stamped } = classes;
        match label {
            Some(label) if label == predicted => Self::Right,
            _ if predicted == wanted && stamped => Self::Fooled,
            None => Self::Unknown,
            _ if predicted == wanted => Self::Attacked,
            _ => Self::Wrong,
        }
    }

    /// The word in the attribute `data-verdict`, which the style sheet and tests use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Fooled => "fooled",
            Self::Attacked => "attacked",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// The class with the largest probability.
pub fn top(answer: &Answer) -> Option<usize> {
    let probabilities = answer.probabilities.iter().enumerate();
    probabilities.max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class)
}

/// Whether a model knows the classes of the test images.
pub fn knows_signs(entry: &ModelEntry) -> bool {
    entry.class_names.is_empty() || entry.class_names.iter().eq(signs::CLASSES.iter())
}

impl App {
    /// The predicted class of a model and its verdict; `None` without a prediction.
    pub fn verdict(&self, entry: &ModelEntry) -> Option<(usize, Verdict)> {
        let predicted = self.models.answers.with(|answers| answers.get(&entry.id).and_then(top))?;
        if !knows_signs(entry) {
            return Some((predicted, Verdict::Unknown));
        }
        let label = self.picture.current.with(|current| current.label);
        let stamped = self.state.with(|state| state.stamped);
        let wanted = self.wanted();
        let classes = Classes { predicted, label, wanted, stamped };
        Some((predicted, Verdict::of(classes)))
    }

    /// The verdict on a model's prediction, and the sentence about it.
    pub fn says(&self, entry: &ModelEntry) -> Option<(Verdict, String)> {
        let (class, verdict) = self.verdict(entry)?;
        let name = entry.class_names.get(class).map_or("", String::as_str);
        Some((verdict, text::verdict(name, verdict)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_compares_the_true_and_the_wanted_class() {
        let verdict = |predicted, label, stamped| {
            Verdict::of(Classes { predicted, label, wanted: 0, stamped })
        };
        for stamped in [true, false] {
            assert_eq!(verdict(3, Some(3), stamped), Verdict::Right);
            assert_eq!(verdict(0, Some(0), stamped), Verdict::Right, "its class is the attacker's");
            assert_eq!(verdict(2, Some(3), stamped), Verdict::Wrong);
            assert_eq!(verdict(2, None, stamped), Verdict::Unknown);
        }
        assert_eq!(verdict(0, Some(3), true), Verdict::Fooled);
        assert_eq!(verdict(0, None, true), Verdict::Fooled);
        assert_eq!(verdict(0, Some(3), false), Verdict::Attacked);
        assert_eq!(verdict(0, None, false), Verdict::Unknown);
    }

    #[test]
    fn the_top_class_has_the_largest_probability() {
        let answer = |probabilities: &[f32]| Answer {
            probabilities: probabilities.to_vec(),
            ..Answer::default()
        };
        assert_eq!(top(&answer(&[0.2, 0.5, 0.3])), Some(1));
        assert_eq!(top(&answer(&[])), None);
    }
}
