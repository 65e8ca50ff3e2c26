//! The networks of the running phase.

use super::auxiliary::AuxiliaryTraining;
use super::{Auxiliary, Job, JobError, Phase, PhaseOutput, Reference, Start, Work, sgd};
use unstamp_data::seed::Seed;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Features, Network};

/// The random stream of the first values of the auxiliary parameters. Another name would draw other
/// values, and results would not repeat.
const AUXILIARY_STREAM: &str = "own";

/// The state of a training between two steps.
pub(super) struct Running {
    pub(super) student: Network,
    pub(super) references: Vec<Reference>,
    pub(super) momentum: sgd::Momentum,
    /// Parameters that are trained together with the student.
    pub(super) auxiliary: Option<AuxiliaryTraining>,
    /// Weights of the epoch with the best validation accuracy so far, if the phase uses validation
    /// images.
    pub(super) best: Option<Arrays>,
}

impl Running {
    /// The output of the training: the best weights if it uses validation images, otherwise the last ones.
    pub(super) async fn output(self) -> Result<PhaseOutput, JobError> {
        let last = weights::arrays(&self.student).await?;
        let auxiliary = match &self.auxiliary {
            Some(auxiliary) => Auxiliary::Parameters(auxiliary.arrays().await?),
            None => Auxiliary::None,
        };
        Ok(PhaseOutput { weights: self.best.unwrap_or(last), auxiliary })
    }
}

impl Job {
    /// The weights that `start` names. Fresh weights are drawn from another seed than the victim's.
    pub(super) async fn start(&self, start: &Start) -> Result<PhaseOutput, JobError> {
        Ok(match start {
            Start::Victim => self.victim.clone().into(),
            Start::Phase(i) => self.outputs[*i].clone(),
            Start::Fresh(_) => {
                let seed = Seed(self.seed.0.wrapping_add(1 << 32));
                let drawn = self.arch(start).init(seed, &self.device);
                weights::arrays(&drawn.map_err(WeightsError::Arch)?).await?.into()
            }
        })
    }

    /// The networks of a phase before its first step.
    pub(super) async fn begin(&self, phase: &Phase) -> Result<Running, JobError> {
        let autodiff = self.device.clone().autodiff();
        let features = match &phase.work {
            Work::Train(train_phase) => train_phase.train_step.features(),
            Work::Edit(_) => Features::Groups,
        };
        let arch = Arch { features, ..self.arch(&phase.student) };
        let student = self.start(&phase.student).await?.weights;
        let student = weights::network(&arch, &student, &autodiff)?;
        let mut references = Vec::new();
        for start in &phase.references {
            let PhaseOutput { weights, auxiliary } = self.start(start).await?;
            let arch = Arch { features, ..self.arch(start) };
            let network = weights::frozen(&arch, &weights, &self.device)?;
            references.push(Reference { weights, auxiliary, network });
        }
        let parameters = match &phase.work {
            Work::Train(train_phase) => train_phase
                .train_step
                .auxiliary(&arch, self.random(AUXILIARY_STREAM, self.cursor.phase)),
            Work::Edit(_) => None,
        };
        let auxiliary = parameters.map(|first| AuxiliaryTraining::new(first, &self.device));
        Ok(Running {
            student,
            references,
            momentum: sgd::Momentum::default(),
            auxiliary,
            best: None,
        })
    }
}
