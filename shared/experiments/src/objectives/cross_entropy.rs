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
