//! A network's answers and gradients on fixed images, against which an engine tests itself.

use crate::attention::Operator;
use crate::datasets::{Split, signs};
use crate::job::lift;
use crate::manifest::Probe;
use crate::model::weights::{self, Arrays, WeightsError};
use crate::model::{Arch, Frozen, Output, batch};
use crate::objectives::{Form, Nad, Objective, Seen};
use crate::seed::Seed;
use burn::tensor::{Device, Tensor, TensorData};

/// The probe images.
pub fn probe_images(count: usize) -> Split {
    let mut split = Split { width: signs::SIZE, height: signs::SIZE, ..Split::default() };
    for i in 0..count {
        let (image, label) = signs::draw(Seed(0), "test", i);
        split.push(&image, label);
    }
    split
}

/// Answers of `network` to the first `count` probe images.
pub async fn probe(network: &Frozen, count: usize, device: &Device) -> Result<Probe, WeightsError> {
    let split = probe_images(count);
    let all: Vec<usize> = (0..count).collect();
    let Output { logits, features } = network.forward(batch(&split, &all, device, |_, _| ()));
    let [_, classes] = logits.dims();
    let mut tensors = vec![logits.flatten(0, 1)];
    for feature in features {
        let [n, c, h, w] = feature.dims();
        tensors.push(feature.abs().reshape([n * c, h * w]).mean_dim(1).flatten(0, 1));
    }
    let mut values = weights::read(tensors).await?.into_iter();
    let logits = values.next().unwrap_or_default();
    Ok(Probe {
        logits: logits.chunks(classes).map(<[f32]>::to_vec).collect(),
        features: values.collect(),
    })
}

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
    let split = probe_images(count);
    let all: Vec<usize> = (0..count).collect();
    let teacher = weights::frozen(arch, teacher, device)?;
    let target = lift(teacher.forward(batch(&split, &all, device, |_, _| ())));
    let mut network = weights::network(arch, student, &autodiff)?;
    let output = network.forward_train(batch(&split, &all, &autodiff, |_, _| ()));
    let labels: Vec<i32> = split.labels.iter().map(|l| i32::from(*l)).collect();
    let labels = Tensor::from_data(TensorData::new(labels, [count]), &autodiff);
    let objective = Nad { form: Form::Paper, operator: Operator::Sum2, beta: 2.0 };
    let loss = objective.loss(&Seen { student: &output, teacher: Some(&target), labels });
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
