//! Which class triggers lead to: one patch a class, and what each does.

use super::patch::{Place, pasted};
use super::recovered::{Recovered, clean};
use crate::Later;
use crate::job::{Batch, Edit, Edited, Ended, Lesson, Scene};
use crate::objectives::{Loss, Own, cross_entropy};
use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Int, Tensor, TensorData};
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{Array, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Wrn};

/// A patch for every class, `sigmoid` of free numbers, trained so that images under it become that
/// class: cross entropy of the victim as it is; every batch takes all classes in turn.
#[derive(Debug)]
pub struct Scan {
    pub place: Place,
}

/// Adam's learning rate for the numbers behind a patch.
const RATE: f64 = 0.1;

impl Lesson for Scan {
    fn own(&self, arch: &Arch, mut random: Stream) -> Option<Own> {
        let shape = [arch.classes, self.place.size()];
        let values = (0..shape[0] * shape[1]).map(|_| random.range(-1.0, 1.0)).collect();
        let patches = Array { shape: shape.to_vec(), values };
        Some(Own { first: Arrays::from([("patches".to_string(), patches)]), lr: RATE })
    }

    fn loss(&self, batch: &mut Batch) -> Loss {
        let (n, patches) = (batch.size(), batch.own["patches"].clone());
        let classes = patches.dims()[0];
        let first = batch.random.below(classes);
        let turn = |i: usize| (first + i) % classes;
        let device = batch.images.device();
        let wanted: Vec<i32> = (0..n).map(|i| turn(i) as i32).collect();
        let wanted = Tensor::<1, Int>::from_data(TensorData::new(wanted, [n]), &device);
        let mut turns = vec![0f32; n * classes];
        (0..n).for_each(|i| turns[i * classes + turn(i)] = 1.0);
        let turns = Tensor::<2>::from_data(TensorData::new(turns, [n, classes]), &device);
        let patches = sigmoid(turns.matmul(patches));
        let patches = patches.reshape([n, 3, self.place.side, self.place.side]);
        let judge: Wrn = batch.student.clone().no_grad();
        let images = pasted(&batch.images, patches, self.place, None, &mut batch.random);
        let total = cross_entropy(judge.forward(images).logits, wanted);
        Loss { total: total.clone(), parts: vec![("cross_entropy", total)] }
    }
}

/// Takes the class whose patch succeeds most often on clean images, or the one it is told.
#[derive(Debug)]
pub struct Choose {
    pub place: Place,
    pub target: Option<usize>,
}

impl Choose {
    async fn run(&self, mut scene: Scene<'_>) -> Result<Edited, WeightsError> {
        let classes = scene.arch.classes;
        if let Some(target) = self.target.filter(|target| *target >= classes) {
            let text = format!("target = {target} is no class: there are {classes}, from 0");
            return Err(WeightsError::Arch(text));
        }
        let mut measured = Vec::new();
        let mut best = (self.target.unwrap_or(0), f64::NEG_INFINITY);
        let patches = scene.others.first().and_then(|scan| scan.own.get("patches"));
        if let (Some(patches), None) = (patches, self.target) {
            let (size, (network, split)) = (self.place.size(), clean(&scene)?);
            for (target, free) in patches.values.chunks_exact(size).enumerate() {
                let values = free.iter().map(|x| 1.0 / (1.0 + libm::expf(-x))).collect();
                let patches = Array { shape: vec![1, size], values };
                let found = Recovered { place: self.place, target, patches };
                let random = &mut scene.random;
                let rate = found.success(&network, &split, scene.device, random).await?;
                measured.push((format!("success_of_class_{target}"), rate));
                if rate > best.1 {
                    best = (target, rate);
                }
            }
        }
        measured.push(("target".to_string(), best.0 as f64));
        let target = Array { shape: vec![1], values: vec![best.0 as f32] };
        let own = Arrays::from([("target".to_string(), target)]);
        Ok(Edited { ended: Ended { weights: scene.weights.clone(), own }, measured })
    }
}

impl Edit for Choose {
    fn edit<'a>(&'a self, scene: Scene<'a>) -> Later<'a, Result<Edited, WeightsError>> {
        Box::pin(self.run(scene))
    }
}
