//! Generators of triggers for a class, and patches drawn from them.

use super::patch::{Place, pasted};
use super::recovered::{Recovered, clean};
use crate::Later;
use crate::job::{Batch, Edit, Edited, Ended, Lesson, Scene};
use crate::objectives::{Loss, Own, Tracked, matrix};
use burn::module::Module;
use burn::tensor::activation::{log_softmax, relu, sigmoid, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{self, Array, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Wrn};

/// What a step of the staircase asks of its patches' probability of the class.
const STEPS: [f32; 3] = [0.5, 0.8, 0.9];
const NAMES: [(&str, &str); STEPS.len()] =
    [("at_0.5", "entropy_0.5"), ("at_0.8", "entropy_0.8"), ("at_0.9", "entropy_0.9")];

/// Patches kept of every step's generator.
const KEPT: usize = 33;
/// Numbers a patch is generated from.
const NOISE: usize = 16;
/// Hidden units of a generator, and of the network that measures its entropy.
const HIDDEN: usize = 64;
/// Adam's learning rate for both.
const RATE: f64 = 2e-3;

/// For every step `s` of the staircase a generator `x = sigmoid(W2 relu(W1 z + b1) + b2)` of patches,
/// `z ~ U(-1, 1)`, and a statistics network `T(z, x) = v relu(A z + B x + c)`:
///
/// `L = sum_s -E min(p(x), s) - alpha I_s`, `I_s = E T(z, x) - log E exp T(z', x)`,
///
/// where `p` is the victim's probability of the class, the victim as it is, and `I` the bound of
/// Belghazi et al. (2018) on the mutual information of `z` and `x`, which is the entropy of `x`; `z'`
/// is the next image's. A third of the batch goes to every step; images of the class itself do not
/// count.
#[derive(Debug)]
pub struct Staircase {
    pub place: Place,
    pub alpha: f32,
}

/// `[n, 3 * side * side]` in 0..1.
fn generated(own: &Tracked, step: usize, z: Tensor<2>) -> Tensor<2> {
    let of = |name: &str| own[&format!("generator{step}.{name}")].clone();
    let hidden = relu(z.matmul(of("in")) + of("in_bias"));
    sigmoid(hidden.matmul(of("out")) + of("out_bias"))
}

/// A bound on the mutual information of noise and patches, `[1]`; `next` is the noise of the next patch.
fn information(own: &Tracked, step: usize, [z, next]: [Tensor<2>; 2], x: Tensor<2>) -> Tensor<1> {
    let of = |name: &str| own[&format!("statistics{step}.{name}")].clone();
    let from_x = x.matmul(of("patch")) + of("bias");
    let [n, _] = z.dims();
    let t = |z: Tensor<2>| relu(z.matmul(of("noise")) + from_x.clone()).matmul(of("out"));
    let (joint, apart) = (t(z), t(next).reshape([1, n]));
    // x - log_softmax(x) is log sum exp(x) at every place.
    let sums = apart.clone() - log_softmax(apart, 1);
    joint.mean() - sums.mean() + (n as f32).ln()
}

/// Noise for so many patches, and the same with every patch's taken from the next.
fn noise(count: usize, random: &mut Stream, device: &Device) -> [Tensor<2>; 2] {
    let mut values: Vec<f32> = (0..count * NOISE).map(|_| random.range(-1.0, 1.0)).collect();
    let tensor = |values: &[f32]| {
        Tensor::from_data(TensorData::new(values.to_vec(), [count, NOISE]), device)
    };
    let z = tensor(&values);
    values.rotate_left(NOISE);
    [z, tensor(&values)]
}

impl Lesson for Staircase {
    fn own(&self, _arch: &Arch, mut random: Stream) -> Option<Own> {
        let size = self.place.size();
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
        Some(Own { first, lr: RATE })
    }

    fn loss(&self, batch: &mut Batch) -> Loss {
        let (n, device, own) = (batch.size(), batch.images.device(), batch.own);
        let target = batch.others.first().and_then(|other| other.own.get("target"));
        let target = target.map_or(0, |target| target.values[0] as usize);
        let [z, next] = noise(n, &mut batch.random, &device);
        let steps = 0..STEPS.len();
        let patches: Vec<_> = steps.clone().map(|s| generated(own, s, z.clone())).collect();
        let turns: Vec<Tensor<2>> = steps
            .map(|s| {
                let turn = (0..n).map(|i| f32::from(u8::from(i % STEPS.len() == s))).collect();
                Tensor::from_data(TensorData::new::<f32, _>(turn, [n, 1]), &device)
            })
            .collect();
        let laid = patches.iter().zip(&turns).map(|(x, turn)| x.clone() * turn.clone());
        let laid = laid.reduce(|a, b| a + b).expect("there are steps");
        let laid = laid.reshape([n, 3, self.place.side, self.place.side]);
        let judge: Wrn = batch.student.clone().no_grad();
        let images = pasted(&batch.images, laid, self.place, None, &mut batch.random);
        let wanted = TensorData::new(vec![target as i32; n], [n, 1]);
        let wanted = Tensor::<2, Int>::from_data(wanted, &device);
        let p = softmax(judge.forward(images).logits, 1).gather(1, wanted);
        let own_class = batch.labels.clone().equal_elem(target as i32).int().float();
        let others = -own_class.reshape([n, 1]) + 1.0;
        let (mut parts, mut total) = (Vec::new(), None);
        for (step, (x, turn)) in patches.into_iter().zip(turns).enumerate() {
            let counts = turn * others.clone();
            let number = counts.clone().sum().clamp_min(1.0);
            let reached =
                (p.clone().clamp(0.0, STEPS[step]) * counts.clone()).sum() / number.clone();
            let entropy = information(own, step, [z.clone(), next.clone()], x);
            let loss = -reached - entropy.clone() * self.alpha;
            total = Some(total.map_or(loss.clone(), |total: Tensor<1>| total + loss));
            let (name, entropy_name) = NAMES[step];
            parts.push((name, (p.clone() * counts).sum() / number));
            parts.push((entropy_name, entropy));
        }
        Loss { total: total.expect("there are steps"), parts }
    }
}

/// Keeps patches drawn from the generators (the second of the other models), as many of each, with
/// the class they lead to (the first's).
#[derive(Debug)]
pub struct Draw {
    pub place: Place,
}

impl Draw {
    async fn run(&self, mut scene: Scene<'_>) -> Result<Edited, WeightsError> {
        let [chosen, trained] = scene.others[..] else { return Err(none()) };
        let size = self.place.size();
        let target = chosen.own.get("target").ok_or_else(none)?.values[0] as usize;
        let device = scene.device;
        let own: Tracked =
            trained.own.iter().map(|(k, v)| (k.clone(), matrix(v, device))).collect();
        let (network, split) = clean(&scene)?;
        let (mut all, mut measured) = (Vec::new(), Vec::new());
        for (step, (name, _)) in NAMES.into_iter().enumerate() {
            let [z, _] = noise(KEPT, &mut scene.random, device);
            let drawn = generated(&own, step, z).flatten(0, 1);
            let values = weights::read(vec![drawn]).await?.remove(0);
            let patches = Array { shape: vec![KEPT, size], values: values.clone() };
            let found = Recovered { place: self.place, target, patches };
            let rate = found.success(&network, &split, device, &mut scene.random).await?;
            measured.push((format!("success_{name}"), rate));
            all.extend(values);
        }
        let patches = Array { shape: vec![KEPT * STEPS.len(), size], values: all };
        let own = Recovered { place: self.place, target, patches }.into_own();
        Ok(Edited { ended: Ended { weights: scene.weights.clone(), own }, measured })
    }
}

fn none() -> WeightsError {
    WeightsError::Arch("no trigger was recovered".to_string())
}

impl Edit for Draw {
    fn edit<'a>(&'a self, scene: Scene<'a>) -> Later<'a, Result<Edited, WeightsError>> {
        Box::pin(self.run(scene))
    }
}
