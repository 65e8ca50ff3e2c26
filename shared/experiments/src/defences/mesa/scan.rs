//! Search for the class that triggers lead to: one patch per class, and how often each succeeds.

use super::patch::pasted;
use super::recovered::{clean, parameter};
use crate::BoxFuture;
use crate::job::{
    Auxiliary, Batch, Edit, EditContext, Edited, PatchPosition, PhaseError, PhaseInput,
    PhaseOutput, RecoveredTriggers, TrainStep,
};
use crate::objectives::{AuxiliaryParameters, Loss, cross_entropy};
use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Int, Tensor, TensorData};
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{Array, Arrays};
use unstamp_networks::model::{Arch, Network};

/// A patch for every class, the `sigmoid` of free numbers, trained so that images under it become
/// that class: cross entropy of the victim as it is. Every batch uses all classes in turn.
#[derive(Debug)]
pub struct Scan {
    /// Size and place of the patches.
    pub position: PatchPosition,
}

/// Adam's learning rate for the numbers behind a patch.
const RATE: f64 = 0.1;

/// Name of the numbers behind the patches, `[classes, 3 * side * side]`.
const PATCHES: &str = "patches";

impl TrainStep for Scan {
    fn auxiliary(&self, arch: &Arch, mut random: Stream) -> Option<AuxiliaryParameters> {
        let shape = [arch.classes, self.position.size()];
        let values = (0..shape[0] * shape[1]).map(|_| random.range(-1.0, 1.0)).collect();
        let patches = Array { shape: shape.to_vec(), values };
        Some(AuxiliaryParameters {
            first: Arrays::from([(PATCHES.to_string(), patches)]),
            lr: RATE,
        })
    }

    fn changes_student(&self) -> bool {
        false
    }

    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let n = batch.size();
        let patches = parameter(batch.auxiliary, PATCHES)?;
        let [classes, _] = patches.dims();
        let first = batch.random.below(classes);
        let turn = |i: usize| (first + i) % classes;
        let device = batch.images.device();
        let wanted: Vec<i32> = (0..n).map(|i| turn(i) as i32).collect();
        let wanted = Tensor::<1, Int>::from_data(TensorData::new(wanted, [n]), &device);
        let mut turns = vec![0f32; n * classes];
        (0..n).for_each(|i| turns[i * classes + turn(i)] = 1.0);
        let turns = Tensor::<2>::from_data(TensorData::new(turns, [n, classes]), &device);
        let patches = sigmoid(turns.matmul(patches));
        let patches = patches.reshape([n, 3, self.position.side, self.position.side]);
        let fixed: Network = batch.student.clone().no_grad();
        let images = pasted(&batch.images, patches, self.position, None, &mut batch.random);
        let total = cross_entropy(fixed.forward(images).logits, wanted);
        Ok(Loss { total: total.clone(), parts: vec![("cross_entropy", total)] })
    }
}

/// Takes the class whose patch succeeds most often on clean images, or the given class.
#[derive(Debug)]
pub struct Choose {
    /// Size and place of the patches.
    pub position: PatchPosition,
    /// The class, if it is known; otherwise the phase compares with a [`Scan`].
    pub target: Option<usize>,
}

impl Choose {
    /// Success of the patch of every class on clean images.
    async fn successes(&self, context: &mut EditContext<'_>) -> Result<Vec<f64>, PhaseError> {
        let scan = context.references.first().ok_or(PhaseError::Missing(PhaseInput::Parameters))?;
        let free = scan.auxiliary.parameters()?.get(PATCHES);
        let free = free.ok_or(PhaseError::Missing(PhaseInput::Parameters))?;
        let size = self.position.size();
        let (network, split) = clean(context)?;
        let mut successes = Vec::new();
        for (target, free) in free.values.chunks_exact(size).enumerate() {
            let values = free.iter().map(|x| 1.0 / (1.0 + libm::expf(-x))).collect();
            let patches = Array { shape: vec![1, size], values };
            let found = RecoveredTriggers { position: self.position, target, patches };
            let random = &mut context.random;
            successes.push(found.success(&network, &split, context.device, random).await?);
        }
        Ok(successes)
    }

    async fn run(&self, mut context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let classes = context.arch.classes;
        let mut measured = Vec::new();
        let target = match self.target {
            Some(target) if target >= classes => {
                return Err(PhaseError::Target { target, classes });
            }
            Some(target) => target,
            None => {
                let successes = self.successes(&mut context).await?;
                let named = successes.iter().enumerate();
                measured.extend(named.map(|(i, s)| (format!("success_of_class_{i}"), *s)));
                first_largest(&successes).ok_or(PhaseError::Missing(PhaseInput::Target))?
            }
        };
        measured.push(("target".to_string(), target as f64));
        let auxiliary = Auxiliary::Target(target);
        Ok(Edited { output: PhaseOutput { weights: context.weights.clone(), auxiliary }, measured })
    }
}

/// Position of the largest value; the first of equals.
fn first_largest(values: &[f64]) -> Option<usize> {
    (0..values.len()).reduce(|best, i| if values[i] > values[best] { i } else { best })
}

impl Edit for Choose {
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

#[cfg(test)]
mod tests {
    use super::first_largest;

    #[test]
    fn the_first_of_equal_classes_is_chosen() {
        assert_eq!(first_largest(&[0.1, 0.9, 0.9]), Some(1));
        assert_eq!(first_largest(&[]), None);
    }
}
