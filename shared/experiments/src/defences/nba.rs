//! Neural behavioural alignment ([Ying & Wu, Cybersecurity
//! 2023](https://doi.org/10.1186/s42400-023-00154-z)): distillation of three kinds of behaviour, on
//! clean images and on images that make the student misbehave.

use super::teacher::TeacherTraining;
use super::training::TrainingSettings;
use super::{DefenceInput, Knows, TypedDefence};
use crate::adversarial::{Norm, Pgd};
use crate::job::{Batch, Phase, PhaseError, PhaseInput, Stamp, Start, TrainPhase, TrainStep};
use crate::objectives::{Behaviour, Loss, cross_entropy};
use burn::module::Module;
use burn::tensor::Tensor;
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::{choices, settings};
use unstamp_networks::model::{Features, Network, Output};

/// `L = CE + alpha (LDL + beta UDL)` (equation 12). `LDL` weighs the distances of response, learning
/// and prediction behaviour ([`Behaviour`]) on clean images by lambda 1 to 3; `UDL` the same with the
/// student on pseudo samples `x + delta` and the teacher on `x`, `delta` from an untargeted attack
/// on the student as it is, new for every batch (equation 10).
///
/// The paper gives: batch 64, learning rate 0.1, momentum 0.9, lambda 2, 2, 0.1, alpha 1, beta 0.5,
/// T = 5. It leaves some choices open. Schedule, augmentation and teacher are NAD's here. The attack
/// is PGD in the L-infinity ball of 8/255, with 5 steps of 4/255 from a random start, on the student in
/// evaluation mode; `norm = "l2"` is the other common norm. Pseudo samples stay within 0..1. On them the
/// student normalises with the statistics of their own batch. They do not change its running statistics.
///
/// Layers are the blocks of the network ([`Layers`](crate::objectives::Layers)): only they have
/// neighbours with Gram matrices of one size, which equation 4 subtracts. Distances are relative to the
/// teacher ([`Scale`](crate::objectives::Scale)): without scaling, with the printed lambdas, the loss
/// diverges in the first step. `layers = "groups", scale = "unit"` is this project's earlier reading. In
/// it the learning behaviour is at most a twentieth of the response behaviour, so `lambda2 = 2` changes
/// nothing; `signs_nba.toml` uses 200.
///
/// `samples = "poisoned"` puts the attacker's trigger in the place of `delta` (table 5).
/// `samples = "none"` leaves `UDL` out, and `learning = 0` leaves `LDL` out (table 4). `pseudo_poisoned`
/// and `pseudo_clean` keep only the pseudo samples that the student predicts as the attacker's target,
/// or only the others: the paper gives the two kinds two roles. The mean stays one over the whole batch.
pub struct Nba;

choices! {
    /// The images that unlearning distillation uses.
    pub enum Samples {
        /// Pseudo samples, which an attack on the student makes.
        Pseudo = "pseudo",
        /// Of the pseudo samples those that the student predicts as the attacker's target.
        PseudoPoisoned = "pseudo_poisoned",
        /// Of the pseudo samples those that the student predicts as another class.
        PseudoClean = "pseudo_clean",
        /// Images with the attacker's trigger (NBA table 5).
        Poisoned = "poisoned",
        /// None: the term is left out.
        None = "none",
    }
}

settings! {
    /// The attack that makes pseudo samples.
    pub struct AttackSettings {
        /// Norm of the ball.
        norm: Norm = Norm::Linf, "norm of the attack; each norm needs a radius of its own", hash_neutral;
        /// Radius of the ball; pixels lie in 0..1.
        eps: f64 [0.0..=128.0] = 8.0 / 255.0, "radius of the attack; pixels lie in 0..1";
        /// Length of a step as a share of the radius.
        attack_step: f64 [0.0..=1.0] = 0.5, "step of the attack as a share of eps";
        /// Number of steps.
        attack_steps: usize [1..=1000] = 5, "number of steps of the attack";
    }
}

impl AttackSettings {
    /// The attack.
    pub fn pgd(&self) -> Pgd {
        let eps = self.eps as f32;
        Pgd { norm: self.norm, eps, step: eps * self.attack_step as f32, steps: self.attack_steps }
    }
}

settings! {
    /// The settings of [`Nba`].
    pub struct NbaSettings {
        /// The training of teacher and student.
        training: TrainingSettings = TrainingSettings::default();
        /// Weight of response behaviour.
        lambda1: f64 [0.0..=1e6] = 2.0, "weight of response behaviour";
        /// Weight of learning behaviour.
        lambda2: f64 [0.0..=1e6] = 2.0, "weight of learning behaviour";
        /// Weight of prediction behaviour.
        lambda3: f64 [0.0..=1e6] = 0.1, "weight of prediction behaviour";
        /// Weight of `LDL + beta UDL`.
        alpha: f64 [0.0..=1e6] = 1.0, "weight of distillation; 0: none (control)";
        /// Weight of `UDL`.
        beta: f64 [0.0..=1e6] = 0.5, "weight of unlearning distillation";
        /// The images of `UDL`.
        samples: Samples = Samples::Pseudo, "images of unlearning distillation";
        /// The attack that makes pseudo samples.
        attack: AttackSettings = AttackSettings::default();
        /// The distances.
        behaviour: Behaviour = Behaviour::default();
        /// Weight of `LDL`.
        learning: f64 [0.0..=1e6] = 1.0,
            "weight of learning distillation; 0: unlearning alone", hash_neutral;
        /// How the teacher is trained.
        teacher_training: TeacherTraining = TeacherTraining::Same,
            "how the teacher is trained; paper: as in NAD section 4.1", hash_neutral;
    }
}

/// The loss of a batch.
#[derive(Debug)]
struct Alignment {
    settings: NbaSettings,
    /// The attacker's target, where the samples depend on it.
    target: Option<usize>,
}

/// Parts of the loss: on clean images, then on those that make the student misbehave.
const NAMES: [&str; 6] = [
    "response",
    "learning",
    "prediction",
    "unlearn_response",
    "unlearn_learning",
    "unlearn_prediction",
];

impl Alignment {
    /// The distances of each sample, `[n]`.
    fn distances(&self, teacher: &Output, student: &Output) -> [Tensor<1>; 3] {
        let b = &self.settings.behaviour;
        [b.response(teacher, student), b.learning(teacher, student), b.prediction(teacher, student)]
    }

    /// The images of `UDL`.
    fn samples(&self, fixed: &Network, batch: &mut Batch) -> Option<Tensor<4>> {
        match self.settings.samples {
            Samples::Pseudo | Samples::PseudoPoisoned | Samples::PseudoClean => {
                Some(self.settings.attack.pgd().perturb_batch(fixed, batch))
            }
            Samples::Poisoned => batch.stamped.clone(),
            Samples::None => None,
        }
    }

    /// 1 for the samples that `UDL` keeps, 0 for the others, `[n]`; `None` keeps all. `as_target` is 1 for
    /// those that the student predicts as the attacker's target.
    fn kept(&self, as_target: Option<&Tensor<1>>) -> Result<Option<Tensor<1>>, PhaseError> {
        let poisoned = match self.settings.samples {
            Samples::PseudoPoisoned => true,
            Samples::PseudoClean => false,
            Samples::Pseudo | Samples::Poisoned | Samples::None => return Ok(None),
        };
        let hits = as_target.filter(|_| self.target.is_some()).cloned();
        let hits = hits.ok_or(PhaseError::Missing(PhaseInput::Target))?;
        Ok(Some(if poisoned { hits } else { hits.neg() + 1.0 }))
    }
}

/// 1 for the images that a network predicts as `class`, 0 for the others, `[n]`.
fn as_class(network: &Network, images: &Tensor<4>, class: usize) -> Tensor<1> {
    let predicted = network.forward(images.clone()).logits.argmax(1);
    predicted.equal_elem(class as i32).float().flatten(0, 1)
}

/// The mean over the batch, `[1]`.
fn mean(distances: Tensor<1>) -> Tensor<1> {
    let [n] = distances.dims();
    distances.sum().reshape([1]) / n as f32
}

impl TrainStep for Alignment {
    fn features(&self) -> Features {
        self.settings.behaviour.features()
    }

    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let settings = &self.settings;
        let lambda = [settings.lambda1, settings.lambda2, settings.lambda3];
        let teacher = batch.reference(0)?;
        let fixed: Network = batch.student.clone().no_grad();
        let samples = self.samples(&fixed, batch);
        let student = batch.learn(batch.images.clone());
        let ce = cross_entropy(student.logits.clone(), batch.labels.clone());
        let mut parts = vec![("cross_entropy", ce.clone())];
        let mut terms = self.distances(&teacher, &student).map(mean).to_vec();
        let mut weights = lambda.map(|l| l * settings.alpha * settings.learning).to_vec();
        if let Some(samples) = samples {
            batch.passes += batch.size();
            let target = self.target.or(batch.counted_class);
            let as_target = target.map(|target| as_class(&fixed, &samples, target));
            let kept = self.kept(as_target.as_ref())?;
            batch.measured.extend(as_target.map(|hits| ("pseudo_as_target", mean(hits))));
            // A copy: its statistics are thrown away, its parameters are the student's own.
            let student = batch.student.clone().forward_train(samples);
            let distances = self.distances(&teacher, &student);
            let of_kept = |distances: Tensor<1>| match &kept {
                Some(kept) => mean(kept.clone() * distances),
                None => mean(distances),
            };
            terms.extend(distances.map(of_kept));
            weights.extend(lambda.map(|l| l * settings.alpha * settings.beta));
        }
        let mut total = ce;
        // A weight of 0 must change nothing to the bit, so the term is left out, not scaled.
        for (weight, term) in weights.into_iter().zip(&terms).filter(|(weight, _)| *weight > 0.0) {
            total = total + term.clone() * weight as f32;
        }
        parts.extend(NAMES.into_iter().zip(terms));
        Ok(Loss { total, parts })
    }
}

impl TypedDefence for Nba {
    type Settings = NbaSettings;

    fn method(&self) -> Method {
        Method {
            id: "nba",
            title: "Neural behavioural alignment",
            paper: "NBA equations 1 to 12",
            summary: "Aligns the victim's behaviour with a fine-tuned teacher's, also where it misbehaves.",
        }
    }

    fn knows(&self, settings: &NbaSettings) -> Knows {
        match settings.samples {
            Samples::Poisoned | Samples::PseudoPoisoned | Samples::PseudoClean => Knows::Trigger,
            Samples::Pseudo | Samples::None => Knows::CleanSubset,
        }
    }

    fn phases(&self, settings: &NbaSettings, given: &DefenceInput) -> Vec<Phase> {
        let training = settings.training.training(given.flip);
        let teacher = settings.teacher_training.fine_tuned(&training);
        let (stamp, target) = match (settings.samples, given.trigger) {
            (Samples::Poisoned, Some(trigger)) => {
                (Some(Stamp { trigger: trigger.clone(), share: None }), None)
            }
            (Samples::PseudoPoisoned | Samples::PseudoClean, Some(trigger)) => {
                (None, Some(trigger.target))
            }
            _ => (None, None),
        };
        let train_step = Arc::new(Alignment { settings: settings.clone(), target });
        let train_phase = TrainPhase { stamp, ..TrainPhase::new(train_step, training) };
        let align = Phase::training("align", train_phase).with_references([Start::Phase(0)]);
        vec![teacher, align]
    }
}

#[cfg(test)]
mod tests;
