//! How well recovered triggers work.

use super::patch::{chosen, pasted};
use crate::job::{EditContext, PhaseError, PhaseInput, RecoveredTriggers};
use crate::objectives::Tracked;
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::seed::Stream;
use unstamp_networks::batches::batches_of;
use unstamp_networks::evaluate::{BATCH, classes};
use unstamp_networks::model::Frozen;
use unstamp_networks::model::weights::{self, WeightsError};

/// Images of the clean subset that patches are measured on.
const MEASURED: usize = 256;

impl RecoveredTriggers {
    /// Share of the images of other classes that become the target under a patch; image `i` gets
    /// patch `i` modulo their number.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub async fn success(
        &self,
        network: &Frozen,
        split: &Split,
        device: &Device,
        random: &mut Stream,
    ) -> Result<f64, WeightsError> {
        let count = self.patches.shape[0];
        let labels = split.labels.iter().enumerate();
        let images: Vec<usize> =
            labels.filter(|(_, l)| usize::from(**l) != self.target).map(|(i, _)| i).collect();
        let total = images.len();
        let mut hits = 0;
        for batch in batches_of(split, images, BATCH) {
            let indices: Vec<usize> = batch.indices.iter().map(|i| i % count).collect();
            let patches = chosen(self, &indices, device);
            let pasted = pasted(&batch.images(device), patches, self.position, None, random);
            let predicted = classes(network, pasted).await?;
            hits += predicted.iter().filter(|class| **class == self.target).count();
        }
        Ok(hits as f64 / total.max(1) as f64)
    }
}

/// The network and the images that an edit measures patches with: its own network, and the first
/// [`MEASURED`] of its images.
pub(super) fn clean(context: &EditContext) -> Result<(Frozen, Split), WeightsError> {
    let network = weights::frozen(context.arch, context.weights, context.device)?;
    Ok((network, context.data.front(MEASURED)))
}

/// A parameter that was learned together with the network.
pub(super) fn parameter(parameters: &Tracked, name: &str) -> Result<Tensor<2>, PhaseError> {
    let found = parameters.get(name).cloned();
    found.ok_or(PhaseError::Missing(PhaseInput::Parameters))
}
