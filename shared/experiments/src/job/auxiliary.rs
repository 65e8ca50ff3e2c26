//! Training of the parameters that a step learns together with the student.

use super::JobError;
use crate::objectives::{AuxiliaryParameters, Tracked, matrix};
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Gradients, Tensor};
use std::collections::BTreeMap;
use unstamp_networks::model::weights::{self, Array, Arrays};

/// A parameter and Adam's state for it.
struct Parameter {
    shape: Vec<usize>,
    value: Tensor<2>,
    state: Option<AdamState<2>>,
}

/// Parameters in training by Adam ([Kingma & Ba 2015](https://arxiv.org/abs/1412.6980)) with betas 0.5
/// and 0.999 (MESA's). Adam suits losses whose scale is not known beforehand.
pub(super) struct AuxiliaryTraining {
    parameters: BTreeMap<String, Parameter>,
    adam: Adam,
    lr: f64,
}

impl AuxiliaryTraining {
    /// Parameters at their first values.
    pub(super) fn new(begun: AuxiliaryParameters, device: &Device) -> Self {
        let begin = |array: Array| Parameter {
            value: matrix(&array, device),
            shape: array.shape,
            state: None,
        };
        let parameters =
            begun.first.into_iter().map(|(name, array)| (name, begin(array))).collect();
        let adam = AdamConfig::new().with_beta_1(0.5).with_epsilon(1e-8).build();
        Self { parameters, adam, lr: begun.lr }
    }

    /// The parameters as tensors with gradients, for the loss of one batch.
    pub(super) fn tracked(&self) -> Tracked {
        let tracked = |p: &Parameter| Tensor::from_inner(p.value.clone()).require_grad();
        self.parameters.iter().map(|(name, p)| (name.clone(), tracked(p))).collect()
    }

    /// One step of Adam along the gradients of the tensors that [`AuxiliaryTraining::tracked`] gave.
    pub(super) fn step(&mut self, tracked: &Tracked, gradients: &Gradients) {
        for (name, parameter) in &mut self.parameters {
            let gradient = tracked.get(name).and_then(|tensor| tensor.grad(gradients));
            let Some(gradient) = gradient else { continue };
            let value = parameter.value.clone();
            let state = parameter.state.take();
            (parameter.value, parameter.state) = self.adam.step(self.lr, value, gradient, state);
        }
    }

    /// Values of the parameters.
    pub(super) async fn arrays(&self) -> Result<Arrays, JobError> {
        let values = self.parameters.values().map(|p| p.value.clone().flatten(0, 1)).collect();
        let values = weights::read(values).await?;
        let named = self.parameters.iter().zip(values);
        let array = |shape: &[usize], values| Array { shape: shape.to_vec(), values };
        Ok(named.map(|((name, p), v)| (name.clone(), array(&p.shape, v))).collect())
    }

    /// Adam's state by parameter: first moments, second moments, number of steps.
    pub(super) async fn moments(&self) -> Result<Arrays, JobError> {
        let mut moments = Arrays::new();
        for (name, parameter) in &self.parameters {
            let Some(AdamState { momentum }) = &parameter.state else { continue };
            let both = [&momentum.moment_1, &momentum.moment_2];
            let flat = both.map(|moment| moment.clone().flatten(0, 1)).to_vec();
            let mut values = weights::read(flat).await?.concat();
            values.push(momentum.time as f32);
            moments.insert(name.clone(), Array { shape: vec![values.len()], values });
        }
        Ok(moments)
    }

    /// Continues from what [`AuxiliaryTraining::arrays`] and [`AuxiliaryTraining::moments`] gave;
    /// `None` if a size differs.
    pub(super) fn restore(
        &mut self,
        values: &Arrays,
        moments: &Arrays,
        device: &Device,
    ) -> Option<()> {
        for (name, parameter) in &mut self.parameters {
            let array = values.get(name).filter(|array| array.shape == parameter.shape)?;
            parameter.value = matrix(array, device);
            let Some(Array { values: moments, .. }) = moments.get(name) else { continue };
            let size = array.values.len();
            let moment = |values: &[f32]| {
                matrix(&Array { shape: array.shape.clone(), values: values.to_vec() }, device)
            };
            let first = moment(moments.get(..size)?);
            let second = moment(moments.get(size..2 * size)?);
            let time = *moments.get(2 * size)? as usize;
            let momentum = AdaptiveMomentumState::new(time, first, second);
            parameter.state = Some(AdamState::new(momentum));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::close;

    /// A parameter `a` with the values 1 and -1, and the learning rate 0.1.
    fn begun() -> AuxiliaryTraining {
        let first = Array { shape: vec![1, 2], values: vec![1.0, -1.0] };
        let first = Arrays::from([("a".to_string(), first)]);
        AuxiliaryTraining::new(AuxiliaryParameters { first, lr: 0.1 }, &Device::flex())
    }

    /// One step along the gradient `[3, -2]`.
    fn step(training: &mut AuxiliaryTraining) {
        let tracked = training.tracked();
        let factors = Tensor::from_floats([[3.0, -2.0]], &Device::flex().autodiff());
        let gradients = (tracked["a"].clone() * factors).sum().backward();
        training.step(&tracked, &gradients);
    }

    fn arrays(training: &AuxiliaryTraining) -> Arrays {
        pollster::block_on(training.arrays()).expect("readable")
    }

    fn moments(training: &AuxiliaryTraining) -> Arrays {
        pollster::block_on(training.moments()).expect("readable")
    }

    /// Adam's first step has the length of the rate, whatever the size of the gradient. The moments are
    /// `(1 - 0.5) g` and `(1 - 0.999) g^2`.
    #[test]
    fn the_first_step_of_adam_is_the_rate() {
        let mut training = begun();
        assert!(moments(&training).is_empty());
        step(&mut training);
        close(&arrays(&training)["a"].values, &[0.9, -0.9]);
        close(&moments(&training)["a"].values, &[1.5, -1.0, 0.009, 0.004, 1.0]);
    }

    #[test]
    fn a_restored_training_goes_on_as_before() {
        let mut whole = begun();
        step(&mut whole);
        let mut restored = begun();
        let read = restored.restore(&arrays(&whole), &moments(&whole), &Device::flex());
        assert_eq!(read, Some(()));
        step(&mut whole);
        step(&mut restored);
        assert_eq!(arrays(&restored), arrays(&whole));
        assert_eq!(moments(&restored), moments(&whole));
    }

    #[test]
    fn arrays_of_another_size_are_refused() {
        let mut training = begun();
        step(&mut training);
        let values = arrays(&training);
        let mut short = moments(&training);
        short.get_mut("a").expect("it moves").values.pop();
        let device = Device::flex();
        assert_eq!(
            begun().restore(&values, &short, &device),
            None,
            "the number of steps is missing"
        );
        let mut other = values.clone();
        other.get_mut("a").expect("it exists").shape = vec![2, 1];
        assert_eq!(begun().restore(&other, &Arrays::new(), &device), None);
        assert_eq!(begun().restore(&Arrays::new(), &Arrays::new(), &device), None);
    }
}
