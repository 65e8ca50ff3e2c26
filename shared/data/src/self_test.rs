//! The answers by which an engine tests itself.
//!
//! A published model carries its own answers to a few fixed images. An engine that loads the model
//! computes them again and compares, so a GPU that computes wrongly is noticed.

use serde::{Deserialize, Serialize};

/// Number of self-test images: the first of the test split of `signs` at seed 0.
pub const IMAGES: usize = 8;

/// Relative difference that a self-test accepts. Another device sums f32 values in another order,
/// over 16 layers.
pub const TOLERANCE: f32 = 2e-3;

/// Answers of a network to the self-test images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfTestAnswers {
    /// Logits, `[image][class]`.
    pub logits: Vec<Vec<f32>>,
    /// `[group][image * channels]`: the mean over positions of each channel's absolute value.
    pub features: Vec<Vec<f32>>,
}

impl SelfTestAnswers {
    /// Largest difference to `other` over as many images as both have. A difference is relative to
    /// the largest value of `self` of its kind (logits, or features of one group), at least 1e-3.
    /// Infinite if there is no image, if shapes differ, or if a value of `other` is not finite.
    pub fn difference(&self, other: &Self) -> f32 {
        let images = self.logits.len().min(other.logits.len());
        let ours = self.first(images);
        let theirs = other.first(images);
        if images == 0 || ours.len() != theirs.len() {
            return f32::INFINITY;
        }
        let kinds = ours.iter().zip(&theirs);
        kinds.map(|(a, b)| relative_difference(a, b)).fold(0.0, f32::max)
    }

    /// The answers to the first images: the logits, then the features of each group.
    fn first(&self, images: usize) -> Vec<Vec<f32>> {
        let all = self.logits.len().max(1);
        let mut lists = vec![self.logits[..images].concat()];
        lists.extend(self.features.iter().map(|f| f[..f.len() / all * images].to_vec()));
        lists
    }
}

/// Largest `|a - b|`, relative to the largest `|a|`.
fn relative_difference(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() || b.iter().any(|v| !v.is_finite()) {
        return f32::INFINITY;
    }
    let scale = a.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
    a.iter().zip(b).fold(0.0, |worst, (a, b)| worst.max((a - b).abs() / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> SelfTestAnswers {
        SelfTestAnswers {
            logits: vec![vec![1.0, -4.0], vec![2.0, 0.0]],
            features: vec![vec![0.5, 0.25, 0.125, 1.0]],
        }
    }

    #[test]
    fn a_difference_is_relative_to_the_largest_value_of_its_kind() {
        let mut other = answers();
        assert_eq!(answers().difference(&other), 0.0);
        other.logits[0][0] = 1.5;
        assert_eq!(answers().difference(&other), 0.125);
        other.features[0][3] = 1.25;
        assert_eq!(answers().difference(&other), 0.25);
    }

    #[test]
    fn only_images_that_both_have_are_compared() {
        let mut other = answers();
        other.logits.pop();
        other.features[0].truncate(2);
        assert_eq!(answers().difference(&other), 0.0);
        assert_eq!(other.difference(&answers()), 0.0);
    }

    #[test]
    fn what_cannot_be_compared_differs_without_limit() {
        let empty = SelfTestAnswers::default();
        assert_eq!(empty.difference(&empty), f32::INFINITY);
        let mut other = answers();
        other.features.pop();
        assert_eq!(answers().difference(&other), f32::INFINITY);
        let mut other = answers();
        other.logits[1][1] = f32::NAN;
        assert_eq!(answers().difference(&other), f32::INFINITY);
    }

    #[test]
    fn published_files_name_the_fields_like_this() {
        let text = r#"{"logits":[[1.0,-4.0],[2.0,0.0]],"features":[[0.5,0.25,0.125,1.0]]}"#;
        let read: SelfTestAnswers = serde_json::from_str(text).expect("answers");
        assert_eq!(read, answers());
        assert_eq!(serde_json::to_string(&read).expect("a text"), text);
    }
}
