//! Cross entropy: `-log softmax(logits)[label]`, mean over the batch.

use super::{Loss, Objective, ObjectiveInput};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// Plain classification, the loss of training and fine-tuning.
#[derive(Clone, Debug)]
pub struct CrossEntropy;

/// Mean cross entropy of `logits [n, classes]` and `labels [n]`, `[1]`.
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [n] = labels.dims();
    log_softmax(logits, 1).gather(1, labels.reshape([n, 1])).mean().neg()
}

impl Objective for CrossEntropy {
    fn loss(&self, seen: &ObjectiveInput) -> Loss {
        let total = cross_entropy(seen.student.logits.clone(), seen.labels.clone());
        Loss { total: total.clone(), parts: vec![("cross_entropy", total)] }
    }
}

#[cfg(test)]
mod tests {
    use super::cross_entropy;
    use crate::testing::{close, labels, logits, values};

    /// The probabilities are 1/4 and 3/4.
    #[test]
    fn the_label_chooses_the_probability() {
        let rows = || logits([[0.0, 3f32.ln()]]);
        close(&values(cross_entropy(rows(), labels([0]))), &[4f32.ln()]);
        close(&values(cross_entropy(rows(), labels([1]))), &[(4.0f32 / 3.0).ln()]);
    }

    #[test]
    fn it_is_the_mean_over_the_batch_and_large_logits_are_finite() {
        let rows = logits([[0.0, 0.0], [500.0, -500.0]]);
        close(&values(cross_entropy(rows, labels([1, 1]))), &[(2f32.ln() + 1000.0) / 2.0]);
    }
}
