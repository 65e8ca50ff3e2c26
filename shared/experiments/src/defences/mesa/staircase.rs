//! Generators of triggers for a class, one per step of a staircase of probabilities.

use super::patch::pasted;
use super::recovered::parameter;
use crate::job::{Batch, PatchPosition, PhaseError, PhaseInput, TrainStep};
use crate::objectives::{AuxiliaryParameters, Loss, Tracked};
use burn::module::Module;
use burn::tensor::activation::{log_softmax, relu, sigmoid, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{Array, Arrays};
use unstamp_networks::model::{Arch, Network};

/// A step of the staircase.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The probability of the class above which a patch gets no further reward.
    threshold: f32,
    /// Name of the mean probability among the losses.
    pub name: &'static str,
    /// Name of the entropy among the losses.
    entropy_name: &'static str,
}

/// All steps.
pub(super) const STEPS: [Step; 3] = [
    Step { threshold: 0.5, name: "at_0.5", entropy_name: "entropy_0.5" },
    Step { threshold: 0.8, name: "at_0.8", entropy_name: "entropy_0.8" },
    Step { threshold: 0.9, name: "at_0.9", entropy_name: "entropy_0.9" },
];

/// Numbers that a patch is generated from.
const NOISE: usize = 16;
/// Hidden units of a generator, and of the network that measures its entropy.
const HIDDEN: usize = 64;

/// [Qiao et al. (2019)](https://arxiv.org/abs/1910.04749): for every step `s` of the staircase a
/// generator `x = sigmoid(W2 relu(W1 z + b1) + b2)` of patches, `z ~ U(-1, 1)`, and a statistics
/// network `T(z, x) = v relu(A z + B x + c)`:
///
/// `L = sum_s -E min(p(x), s) - alpha I_s`, `I_s = E T(z, x) - log E exp T(z', x)`,
///
/// where `p` is the victim's probability of the class, with the victim unchanged. `I` is the bound
/// of [Belghazi et al. (2018)](https://arxiv.org/abs/1801.04062) on the mutual information of `z`
/// and `x`, which is the entropy of `x`; `z'` is the noise of the next image. A third of the batch
/// goes to every step. Images of the class itself do not count.
#[derive(Debug)]
pub struct Staircase {
    /// Size and place of the patches.
    pub position: PatchPosition,
    /// Weight of the entropy.
    pub alpha: f32,
    /// Adam's learning rate for the generators and the statistics networks.
    pub lr: f64,
}

/// Patches of a step's generator, `[n, 3 * side * side]` in 0..1, from noise `z [n, NOISE]`.
pub(super) fn generated(
    auxiliary: &Tracked,
    step: usize,
    z: Tensor<2>,
) -> Result<Tensor<2>, PhaseError> {
    let of = |name: &str| parameter(auxiliary, &format!("generator{step}.{name}"));
    let hidden = relu(z.matmul(of("in")?) + of("in_bias")?);
    Ok(sigmoid(hidden.matmul(of("out")?) + of("out_bias")?))
}

/// A bound on the mutual information of noise and patches, `[1]`. The noises are those of each
/// patch and of the next patch.
fn information(
    auxiliary: &Tracked,
    step: usize,
    [z, next]: [Tensor<2>; 2],
    x: Tensor<2>,
) -> Result<Tensor<1>, PhaseError> {
    let of = |name: &str| parameter(auxiliary, &format!("statistics{step}.{name}"));
    let noise = of("noise")?;
    let out = of("out")?;
    let from_x = x.matmul(of("patch")?) + of("bias")?;
    let [n, _] = z.dims();
    let t = |z: Tensor<2>| relu(z.matmul(noise.clone()) + from_x.clone()).matmul(out.clone());
    let joint = t(z);
    let apart = t(next).reshape([1, n]);
    // x - log_softmax(x) is log sum exp(x) in every column.
    let sums = apart.clone() - log_softmax(apart, 1);
    Ok(joint.mean() - sums.mean() + (n as f32).ln())
}

/// Noise for `count` patches, and the same noise with every patch's taken from the next patch.
pub(super) fn noise(count: usize, random: &mut Stream, device: &Device) -> [Tensor<2>; 2] {
    let mut values: Vec<f32> = (0..count * NOISE).map(|_| random.range(-1.0, 1.0)).collect();
    let tensor = |values: &[f32]| {
        Tensor::from_data(TensorData::new(values.to_vec(), [count, NOISE]), device)
    };
    let z = tensor(&values);
    values.rotate_left(NOISE);
    [z, tensor(&values)]
}

/// For every step, 1 for the images that carry its patches and 0 for all other images, `[n, 1]`.
fn masks(n: usize, device: &Device) -> Vec<Tensor<2>> {
    let mask = |step: usize| {
        let mask = (0..n).map(|i| f32::from(u8::from(i % STEPS.len() == step))).collect();
        Tensor::from_data(TensorData::new::<f32, _>(mask, [n, 1]), device)
    };
    (0..STEPS.len()).map(mask).collect()
}

impl Staircase {
    /// The victim's probability of the class for every image under its patch, `[n, 1]`.
    fn probabilities(
        &self,
        batch: &mut Batch,
        patches: &[Tensor<2>],
        masks: &[Tensor<2>],
        target: usize,
    ) -> Tensor<2> {
        let n = batch.size();
        let side = self.position.side;
        let device = batch.images.device();
        let mut terms = patches.iter().zip(masks).map(|(x, mask)| x.clone() * mask.clone());
        let first = terms.next().unwrap_or_else(|| Tensor::zeros([n, 3 * side * side], &device));
        let on_images = terms.fold(first, |sum, term| sum + term).reshape([n, 3, side, side]);
        let fixed: Network = batch.student.clone().no_grad();
        let images = pasted(&batch.images, on_images, self.position, None, &mut batch.random);
        let wanted = TensorData::new(vec![target as i32; n], [n, 1]);
        let wanted = Tensor::<2, Int>::from_data(wanted, &device);
        softmax(fixed.forward(images).logits, 1).gather(1, wanted)
    }
}

impl TrainStep for Staircase {
    fn auxiliary(&self, _arch: &Arch, mut random: Stream) -> Option<AuxiliaryParameters> {
        let size = self.position.size();
        let mut first = Arrays::new();
        for step in 0..STEPS.len() {
            let shapes = [
                ("generator", "in", [NOISE, HIDDEN], NOISE),
                ("generator", "in_bias", [1, HIDDEN], NOISE),
                ("generator", "out", [HIDDEN, size], HIDDEN),
                ("generator", "out_bias", [1, size], HIDDEN),
                ("statistics", "noise", [NOISE, HIDDEN], NOISE),
                ("statistics", "patch", [size, HIDDEN], size),
                ("statistics", "bias", [1, HIDDEN], size),
                ("statistics", "out", [HIDDEN, 1], HIDDEN),
            ];
            for (network, name, shape, fan) in shapes {
                let reach = 1.0 / (fan as f32).sqrt();
                let count = shape[0] * shape[1];
                let values = (0..count).map(|_| random.range(-reach, reach)).collect();
                let array = Array { shape: shape.to_vec(), values };
                first.insert(format!("{network}{step}.{name}"), array);
            }
        }
        Some(AuxiliaryParameters { first, lr: self.lr })
    }

    fn changes_student(&self) -> bool {
        false
    }

    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let n = batch.size();
        let auxiliary = batch.auxiliary;
        let device = batch.images.device();
        let chosen = batch.references.first().ok_or(PhaseError::Missing(PhaseInput::Target))?;
        let target = chosen.auxiliary.target()?;
        let [z, next] = noise(n, &mut batch.random, &device);
        let patches = (0..STEPS.len()).map(|step| generated(auxiliary, step, z.clone()));
        let patches = patches.collect::<Result<Vec<_>, PhaseError>>()?;
        let masks = masks(n, &device);
        let p = self.probabilities(batch, &patches, &masks, target);
        let own_class = batch.labels.clone().equal_elem(target as i32).int().float();
        let counted = -own_class.reshape([n, 1]) + 1.0;
        let mut parts = Vec::new();
        let mut total: Option<Tensor<1>> = None;
        for (step, (x, mask)) in patches.into_iter().zip(masks).enumerate() {
            let counts = mask * counted.clone();
            let number = counts.clone().sum().clamp_min(1.0);
            let Step { threshold, name, entropy_name } = STEPS[step];
            let reached = (p.clone().clamp(0.0, threshold) * counts.clone()).sum() / number.clone();
            let entropy = information(auxiliary, step, [z.clone(), next.clone()], x)?;
            let loss = -reached - entropy.clone() * self.alpha;
            total = Some(total.map_or(loss.clone(), |total| total + loss));
            parts.push((name, (p.clone() * counts).sum() / number));
            parts.push((entropy_name, entropy));
        }
        let total = total.unwrap_or_else(|| Tensor::zeros([1], &device));
        Ok(Loss { total, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objectives::matrix;
    use crate::testing::{arch, close, values};
    use unstamp_data::seed::Seed;

    #[test]
    fn each_image_belongs_to_one_step() {
        let masks = masks(7, &Device::flex());
        assert_eq!(values(masks[0].clone()), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        let sum = masks.into_iter().reduce(|a, b| a + b).expect("three steps");
        assert_eq!(values(sum), [1.0; 7]);
    }

    #[test]
    fn the_second_noise_is_that_of_the_next_patch() {
        let [z, next] = noise(3, &mut Seed(0).stream("noise", &[]), &Device::flex());
        let mut z = values(z);
        z.rotate_left(NOISE);
        assert_eq!(values(next), z);
    }

    fn parameters(value: Option<f32>) -> Tracked {
        let position = PatchPosition { side: 2, at: None };
        let staircase = Staircase { position, alpha: 0.1, lr: 2e-3 };
        let random = Seed(0).stream("first", &[]);
        let mut first = staircase.auxiliary(&arch(), random).expect("parameters").first;
        for array in first.values_mut() {
            array.values.iter_mut().for_each(|v| *v = value.unwrap_or(*v));
        }
        let device = Device::flex();
        first.into_iter().map(|(name, array)| (name, matrix(&array, &device))).collect()
    }

    /// Without weights a generator gives `sigmoid(0)`, and the bound on the information is 0.
    #[test]
    fn zero_weights_give_grey_patches_without_information() {
        let parameters = parameters(Some(0.0));
        let pair = noise(4, &mut Seed(0).stream("noise", &[]), &Device::flex());
        for step in 0..STEPS.len() {
            let patches = generated(&parameters, step, pair[0].clone()).expect("parameters");
            assert_eq!(patches.dims(), [4, 12]);
            assert_eq!(values(patches.clone()), [0.5; 48]);
            let bound = information(&parameters, step, pair.clone(), patches);
            close(&values(bound.expect("parameters")), &[0.0]);
        }
    }

    #[test]
    fn patches_lie_in_0_to_1_and_a_missing_parameter_is_an_error() {
        let mut parameters = parameters(None);
        let [z, _] = noise(4, &mut Seed(0).stream("noise", &[]), &Device::flex());
        let patches = values(generated(&parameters, 0, z.clone()).expect("parameters"));
        assert!(patches.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(patches.iter().any(|value| *value != 0.5));
        parameters.remove("generator0.in_bias");
        let missing = generated(&parameters, 0, z);
        assert!(matches!(missing, Err(PhaseError::Missing(PhaseInput::Parameters))));
    }
}
