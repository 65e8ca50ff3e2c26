//! Patches drawn from trained generators.

use super::recovered::clean;
use super::staircase::{STEPS, Step, generated, noise};
use crate::BoxFuture;
use crate::job::{
    Auxiliary, Edit, EditContext, Edited, PatchPosition, PhaseError, PhaseInput, PhaseOutput,
    RecoveredTriggers,
};
use crate::objectives::{Tracked, matrix};
use unstamp_networks::model::weights::{self, Array};

/// Patches kept of every step's generator.
const KEPT: usize = 33;

/// Keeps patches drawn from the generators, the same number from each step. The phase's first reference
/// gives the target class, its second reference the generators.
#[derive(Debug)]
pub struct Draw {
    /// Size and place of the patches.
    pub position: PatchPosition,
}

impl Draw {
    async fn run(&self, mut context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let [chosen, trained] = context.references[..] else {
            return Err(PhaseError::Missing(PhaseInput::Model));
        };
        let position = self.position;
        let size = position.size();
        let target = chosen.auxiliary.target()?;
        let device = context.device;
        let parameters = trained.auxiliary.parameters()?;
        let generators: Tracked =
            parameters.iter().map(|(name, array)| (name.clone(), matrix(array, device))).collect();
        let (network, split) = clean(&context)?;
        let mut all = Vec::new();
        let mut measured = Vec::new();
        for (step, Step { name, .. }) in STEPS.into_iter().enumerate() {
            let [z, _] = noise(KEPT, &mut context.random, device);
            let drawn = generated(&generators, step, z)?.flatten(0, 1);
            let values = weights::read(vec![drawn]).await?.remove(0);
            let patches = Array { shape: vec![KEPT, size], values: values.clone() };
            let found = RecoveredTriggers { position, target, patches };
            let rate = found.success(&network, &split, device, &mut context.random).await?;
            measured.push((format!("success_{name}"), rate));
            all.extend(values);
        }
        let patches = Array { shape: vec![KEPT * STEPS.len(), size], values: all };
        let auxiliary = Auxiliary::Triggers(RecoveredTriggers { position, target, patches });
        Ok(Edited { output: PhaseOutput { weights: context.weights.clone(), auxiliary }, measured })
    }
}

impl Edit for Draw {
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}
