//! A loss and its gradient on the self-test images. Tests compare them across devices.

use burn::tensor::Device;
use unstamp_shared::attention::Operator;
use unstamp_shared::job::lift;
use unstamp_shared::model::weights::{self, Arrays, WeightsError};
use unstamp_shared::model::{Arch, batch, labels};
use unstamp_shared::objectives::{Form, Nad, Objective, ObjectiveInput, Tracked};
use unstamp_shared::self_test;

/// A loss, its parts, and the size of its gradient for every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientProbe {
    /// The whole loss.
    pub loss: f32,
    /// The terms of the loss, in the order of the objective.
    pub parts: Vec<f32>,
    /// Euclidean norm of every parameter's gradient, in the network's order.
    pub norms: Vec<f32>,
}

/// The loss of [NAD](https://arxiv.org/abs/2101.05930) (the paper's form, beta 2) between two sets
/// of weights on the first `count` self-test images, with the norms of its gradient.
///
/// # Errors
/// If the weights do not fit `arch`, or the device does not give its results back.
pub async fn gradient_probe(
    arch: &Arch,
    teacher: &Arrays,
    student: &Arrays,
    count: usize,
    device: &Device,
) -> Result<GradientProbe, WeightsError> {
    let autodiff = device.clone().autodiff();
    let split = self_test::images(count);
    let all: Vec<usize> = (0..count).collect();
    let teacher = weights::frozen(arch, teacher, device)?;
    let target = lift(teacher.forward(batch(&split, &all, device, |_, _| ())));
    let mut network = weights::network(arch, student, &autodiff)?;
    let output = network.forward_train(batch(&split, &all, &autodiff, |_, _| ()));
    let labels = labels(&split, &all, &autodiff);
    let objective = Nad { form: Form::Paper, operator: Operator::Sum2, beta: 2.0 };
    let loss = objective.loss(&ObjectiveInput {
        student: &output,
        teacher: Some(&target),
        labels,
        auxiliary: &Tracked::new(),
    });
    let mut tensors = vec![loss.total.clone().inner().reshape([1])];
    tensors.extend(loss.parts.into_iter().map(|(_, part)| part.inner().reshape([1])));
    let parts = tensors.len();
    let gradients = loss.total.backward();
    tensors.extend(weights::gradient_norms(&network, &gradients));
    let values = weights::read(tensors).await?;
    let values: Vec<f32> = values.into_iter().map(|v| v[0]).collect();
    Ok(GradientProbe {
        loss: values[0],
        parts: values[1..parts].to_vec(),
        norms: values[parts..].to_vec(),
    })
}
