//! What was recovered, and what it does.

use super::patch::{Place, chosen, pasted};
use crate::job::Scene;
use burn::tensor::Device;
use unstamp_data::datasets::Split;
use unstamp_data::seed::Stream;
use unstamp_networks::batches::batches_of;
use unstamp_networks::evaluate::{BATCH, classes};
use unstamp_networks::model::Frozen;
use unstamp_networks::model::weights::{self, Array, Arrays, WeightsError};

/// Images of the clean subset that what a patch does is measured on.
const MEASURED: usize = 256;

/// What MESA found: patches `[count, 3 * side * side]` in 0..1 and the class they lead to.
pub struct Recovered {
    pub place: Place,
    pub target: usize,
    pub patches: Array,
}

impl Recovered {
    /// Found in what a phase of a job ended with.
    pub fn of(own: &Arrays) -> Option<Self> {
        let (patches, target) = (own.get("patches")?, own.get("target")?);
        let at = own.get("at").map(|at| [at.values[0] as usize, at.values[1] as usize]);
        let place = Place { side: (patches.shape.get(1)? / 3).isqrt(), at };
        Some(Self { place, target: *target.values.first()? as usize, patches: patches.clone() })
    }

    /// The same, for a phase to end with.
    pub(super) fn into_own(self) -> Arrays {
        let array = |values: Vec<f32>| Array { shape: vec![values.len()], values };
        let target = array(vec![self.target as f32]);
        let mut own = Arrays::from([("patches".into(), self.patches), ("target".into(), target)]);
        own.extend(self.place.at.map(|at| ("at".into(), array(at.map(|x| x as f32).to_vec()))));
        own
    }

    /// Share of the images of other classes that become the target under a patch, each the next one.
    pub async fn success(
        &self,
        network: &Frozen,
        split: &Split,
        device: &Device,
        random: &mut Stream,
    ) -> Result<f64, WeightsError> {
        let count = self.patches.shape[0];
        let others: Vec<usize> =
            (0..split.len()).filter(|i| usize::from(split.labels[*i]) != self.target).collect();
        let total = others.len();
        let mut hits = 0;
        for batch in batches_of(split, others, BATCH) {
            let turns: Vec<usize> = batch.indices.iter().map(|i| i % count).collect();
            let patches = chosen(self, &turns, device);
            let images = pasted(&batch.images(device), patches, self.place, None, random);
            let predicted = classes(network, images).await?;
            hits += predicted.iter().filter(|class| **class == self.target).count();
        }
        Ok(hits as f64 / total.max(1) as f64)
    }
}

/// What an edit measures patches by: the network it is given, and the first of its images.
pub(super) fn clean(scene: &Scene) -> Result<(Frozen, Split), WeightsError> {
    let network = weights::frozen(scene.arch, scene.weights, scene.device)?;
    Ok((network, scene.data.front(MEASURED)))
}
