//! The loss of one training step, and the batch that it sees.

use super::{Auxiliary, PhaseError, PhaseInput};
use crate::objectives::{AuxiliaryParameters, Compared, Loss, Objective, ObjectiveInput, Tracked};
use burn::tensor::{Int, Tensor};
use std::fmt::Debug;
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::Arrays;
use unstamp_networks::model::{Arch, Features, Frozen, Maps, Network, Output};

/// A model that a training compares with and does not change.
pub struct Reference {
    /// Its weights.
    pub weights: Arrays,
    /// The result, in addition to the weights, of the phase that made the model.
    pub auxiliary: Auxiliary,
    /// The network in evaluation mode, on the device without automatic differentiation.
    pub network: Frozen,
}

/// A batch as a training step sees it.
pub struct Batch<'a> {
    /// The network in training. Its parameters carry gradients; a forward pass in training mode moves its
    /// running statistics.
    pub student: &'a mut Network,
    /// The models that the phase compares with.
    pub references: &'a [Reference],
    /// Parameters that the step trains together with the student.
    pub auxiliary: &'a Tracked,
    /// The images `[n, 3, h, w]` in 0..1, shuffled and augmented.
    pub images: Tensor<4>,
    /// The true labels, `[n]`.
    pub labels: Tensor<1, Int>,
    /// The same images with the trigger, if the phase has one and stamps a copy of every image.
    pub stamped: Option<Tensor<4>>,
    /// A class whose predictions are counted for the record; no step may learn from it.
    pub counted_class: Option<usize>,
    /// A random stream that depends on seed, phase, epoch and step only.
    pub random: Stream,
    /// Number of images that went through a network, without the one pass of the student. Results record the
    /// cost.
    pub passes: usize,
    /// Quantities that the step records and that are no part of the loss, by name: means over the batch, `[1]`.
    pub measured: Vec<(&'static str, Tensor<1>)>,
}

impl Batch<'_> {
    /// Number of images.
    pub fn size(&self) -> usize {
        self.labels.dims()[0]
    }

    /// Output of the student on `images`, in training mode.
    pub fn learn(&mut self, images: Tensor<4>) -> Output {
        self.student.forward_train(images)
    }

    /// Output of the other model `index` on the batch's images, without gradient.
    ///
    /// # Errors
    ///
    /// [`PhaseError::Missing`] if the phase has no such model.
    pub fn reference(&mut self, index: usize) -> Result<Output, PhaseError> {
        let other = self.references.get(index).ok_or(PhaseError::Missing(PhaseInput::Model))?;
        self.passes += self.size();
        Ok(lift(other.network.forward(self.images.clone().inner())))
    }
}

/// An output as a constant on the device with automatic differentiation.
pub fn lift(output: Output) -> Output {
    Output {
        logits: Tensor::from_inner(output.logits),
        features: output.features.into_iter().map(Maps::from_inner).collect(),
        pooled: Tensor::from_inner(output.pooled),
    }
}

/// The loss of a training step. Every [`Objective`] is one: student and first other model see the
/// same images. A step of its own kind can change images or labels first, or mix weights.
pub trait TrainStep: Send + Sync + Debug {
    /// Parameters that the step trains together with the student, if any; their first values are drawn
    /// from `random`.
    fn auxiliary(&self, _arch: &Arch, _random: Stream) -> Option<AuxiliaryParameters> {
        None
    }

    /// The features of student and references that the loss compares.
    fn features(&self) -> Features {
        Features::Groups
    }

    /// Whether the student's weights change. A step that only trains other parameters than the student's
    /// says `false`; then there is no new model to evaluate after an epoch.
    fn changes_student(&self) -> bool {
        true
    }

    /// The loss of a batch.
    ///
    /// # Errors
    ///
    /// [`PhaseError::Missing`] if the step needs a model that the phase does not have, or something
    /// that an earlier phase did not find.
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError>;
}

impl<O: Objective> TrainStep for O {
    fn auxiliary(&self, arch: &Arch, random: Stream) -> Option<AuxiliaryParameters> {
        let groups = arch.describe().map_or(0, |network| network.taps.len());
        Objective::auxiliary(self, groups, random)
    }

    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let compared = self.compares();
        let teacher = match compared {
            Compared::Nothing => None,
            Compared::Maps | Compared::Features => Some(batch.reference(0)?),
        };
        let student = batch.learn(batch.images.clone());
        if teacher.as_ref().is_some_and(|teacher| !compared.fits(teacher, &student)) {
            return Err(PhaseError::Teacher);
        }
        Ok(Objective::loss(
            self,
            &ObjectiveInput {
                student: &student,
                teacher: teacher.as_ref(),
                labels: batch.labels.clone(),
                auxiliary: batch.auxiliary,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objectives::Nad;
    use crate::testing::{arch, fresh, values};
    use burn::tensor::Device;
    use unstamp_data::seed::Seed;
    use unstamp_networks::attention::Operator;
    use unstamp_networks::model::weights;

    fn reference(arch: &Arch, weights: Arrays) -> Reference {
        let network = weights::frozen(arch, &weights, &Device::flex()).expect("they fit");
        Reference { weights, auxiliary: Auxiliary::None, network }
    }

    /// The result of `run` with a batch of two images, and the passes that it counted.
    fn with_batch<T>(references: &[Reference], run: impl FnOnce(&mut Batch) -> T) -> (T, usize) {
        let device = Device::flex().autodiff();
        let mut student = weights::network(&arch(), &fresh(), &device).expect("they fit");
        let mut batch = Batch {
            student: &mut student,
            references,
            auxiliary: &Tracked::new(),
            images: Tensor::ones([2, 3, 8, 8], &device),
            labels: Tensor::from_ints([0, 1], &device),
            stamped: None,
            counted_class: None,
            random: Seed(0).stream("batch", &[]),
            passes: 0,
            measured: Vec::new(),
        };
        let result = run(&mut batch);
        let passes = batch.passes;
        (result, passes)
    }

    #[test]
    fn a_reference_sees_the_batch_and_is_counted() {
        let references = [reference(&arch(), fresh())];
        let (output, passes) = with_batch(&references, |batch| {
            let student = batch.student.forward(batch.images.clone()).logits;
            (batch.reference(0).expect("it exists").logits, student)
        });
        let difference = (output.0 - output.1).abs().max().inner();
        // The frozen network has other sums of products than the student.
        assert!(values(difference)[0] < 1e-4);
        assert_eq!(passes, 2);
        let (missing, passes) = with_batch(&[], |batch| batch.reference(0).err());
        assert!(matches!(missing, Some(PhaseError::Missing(PhaseInput::Model))));
        assert_eq!(passes, 0);
    }

    #[test]
    fn features_of_other_sizes_are_refused() {
        let wide = Arch::new("wrn-10-2", 10);
        let drawn = wide.init(Seed(0), &Device::flex()).expect("it exists");
        let drawn = pollster::block_on(weights::arrays(&drawn)).expect("readable");
        let references = [reference(&wide, drawn)];
        for (operator, fits) in [(Operator::Sum2, true), (Operator::Raw, false)] {
            let nad = Nad { form: crate::objectives::Form::Paper, operator, beta: 1.0 };
            let (loss, _) = with_batch(&references, |batch| TrainStep::loss(&nad, batch).err());
            assert_eq!(loss.is_none(), fits, "{operator:?}: {loss:?}");
        }
    }
}
