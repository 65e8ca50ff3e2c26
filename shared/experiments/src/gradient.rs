//! The gradient of a loss on the probe images, by which backends are compared.

use crate::job::lift;
use crate::objectives::{Form, Nad, Objective, Seen, Tracked};
use burn::tensor::Device;
use unstamp_networks::attention::Operator;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, batch, labels};
use unstamp_networks::self_test;

/// A loss with its parts, and how strongly it pulls at every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientProbe {
    pub loss: f32,
    pub parts: Vec<f32>,
    /// Euclidean norm of every parameter's gradient, in the network's order.
    pub norms: Vec<f32>,
}

/// NAD's loss (the paper's form, beta 2) between two sets of weights on the first `count` probe
/// images, with the gradient's norms.
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
    let loss = objective.loss(&Seen {
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
