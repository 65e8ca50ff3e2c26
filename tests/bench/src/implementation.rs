//! One network that infers and trains on a fixed batch, in this project's way or in Burn's own.

use crate::BenchError;
use crate::burn_network::BurnNetwork;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use unstamp_shared::job::sgd::{self, Momentum};
use unstamp_shared::job::{Augment, Schedule, Training};
use unstamp_shared::model::weights::{self, Arrays};
use unstamp_shared::model::{self, Arch, Frozen};
use unstamp_shared::objectives::{CrossEntropy, Objective, ObjectiveInput, Tracked};
use unstamp_shared::seed::Seed;

/// Learning rate small enough that thousands of steps on one batch stay finite.
const LR: f64 = 1e-3;

/// SGD as every implementation is to do it: momentum 0.9, weight decay 1e-4.
fn training() -> Training {
    Training {
        epochs: 1,
        batch: 1,
        lr: LR,
        schedule: Schedule::Constant,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 1e-4,
        augment: Augment::default(),
    }
}

/// Frozen and trainable form of one network.
#[expect(clippy::large_enum_variant, reason = "there is only one of it")]
enum Network {
    Ours { frozen: Frozen, student: model::Network, momentum: Momentum },
    Burn { frozen: BurnNetwork, student: BurnNetwork, optimiser: ModuleOptimizer },
}

/// A network that is timed.
pub struct Implementation {
    network: Network,
}

/// `count` images `[count, 3, 32, 32]` in 0..1, the same everywhere.
pub fn images(count: usize, device: &Device) -> Tensor<4> {
    let mut random = Seed(0).stream("bench", &[count as u64]);
    let values: Vec<f32> = (0..count * 3072).map(|_| random.unit()).collect();
    Tensor::from_data(TensorData::new(values, [count, 3, 32, 32]), device)
}

/// A batch to train on: the same images with labels.
pub struct LabelledBatch {
    images: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl LabelledBatch {
    /// `count` images with labels.
    pub fn new(count: usize) -> Self {
        let device = Device::flex().autodiff();
        let labels: Vec<i32> = (0..count).map(|i| (i % 10) as i32).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [count]), &device);
        Self { images: images(count, &device), labels }
    }
}

impl Implementation {
    /// `ours` with this project's kernels, otherwise Burn's layers and optimiser.
    ///
    /// # Errors
    /// If the weights do not fit `arch`. Burn's layers also need a WideResNet.
    pub fn new(ours: bool, arch: &Arch, arrays: &Arrays) -> Result<Self, BenchError> {
        let device = Device::flex();
        let autodiff = Device::flex().autodiff();
        // This also checks the weights for Burn's layers, which panic if a weight has a wrong shape.
        let frozen = weights::frozen(arch, arrays, &device)?;
        let network = if ours {
            let student = weights::network(arch, arrays, &autodiff)?;
            Network::Ours { frozen, student, momentum: Momentum::default() }
        } else {
            let optimiser = SgdConfig::new()
                .with_momentum(Some(MomentumConfig::new().with_momentum(0.9).with_dampening(0.0)))
                .with_weight_decay(Some(WeightDecayConfig::new(1e-4)))
                .init();
            let frozen = BurnNetwork::new(arrays, &device)?;
            let student = BurnNetwork::new(arrays, &autodiff)?;
            Network::Burn { frozen, student, optimiser }
        };
        Ok(Self { network })
    }

    /// Logits of a batch of [`images`].
    pub async fn infer(&self, batch: &Tensor<4>) -> Vec<f32> {
        let logits = match &self.network {
            Network::Ours { frozen, .. } => frozen.forward(batch.clone()).logits,
            Network::Burn { frozen, .. } => frozen.forward(batch.clone()),
        };
        weights::read(vec![logits.flatten(0, 1)]).await.map(|mut v| v.remove(0)).unwrap_or_default()
    }

    /// Inputs, logits and features of `count` images, each flattened, as JSON.
    ///
    /// # Errors
    /// If the network is that of Burn's layers, or the device does not give the values back.
    pub async fn outputs(&self, count: usize) -> Result<serde_json::Value, BenchError> {
        let Network::Ours { frozen, .. } = &self.network else {
            return Err(BenchError::NoFeatures);
        };
        let batch = images(count, &Device::flex());
        let output = frozen.forward(batch.clone());
        let mut tensors = vec![batch.flatten(0, 3), output.logits.flatten(0, 1)];
        tensors.extend(output.features.into_iter().map(|f| f.into_tensor().flatten(0, 3)));
        let mut values = weights::read(tensors).await?;
        let features = values.split_off(2);
        Ok(serde_json::json!({ "images": values[0], "logits": values[1], "features": features }))
    }

    /// One step of training: forward, loss, backward, optimiser; the loss.
    pub async fn train(&mut self, batch: &LabelledBatch) -> f32 {
        let images = batch.images.clone();
        let labels = batch.labels.clone();
        let count = labels.dims()[0];
        let loss = match &mut self.network {
            Network::Ours { student, momentum, .. } => {
                let output = student.forward_train(images);
                let auxiliary = Tracked::new();
                let loss = CrossEntropy
                    .loss(&ObjectiveInput {
                        student: &output,
                        teacher: None,
                        labels,
                        auxiliary: &auxiliary,
                    })
                    .total;
                let value = loss.clone().inner();
                let gradients = loss.backward();
                *student = sgd::step(student.clone(), &training(), LR, gradients, momentum);
                value
            }
            Network::Burn { student, optimiser, .. } => {
                let logits = student.forward(images);
                let log_likelihood = log_softmax(logits, 1).gather(1, labels.reshape([count, 1]));
                let loss = log_likelihood.mean().neg();
                let value = loss.clone().inner();
                let gradients = GradientsParams::from_grads(loss.backward(), student);
                *student = optimiser.step(LR, student.clone(), gradients);
                value
            }
        };
        weights::read(vec![loss]).await.map_or(f32::NAN, |v| v[0][0])
    }
}
