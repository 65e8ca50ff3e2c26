//! Neural behavioural alignment (NBA, Cybersecurity 2023): distillation of three kinds of behaviour,
//! on clean images and on images that make the student misbehave.

use super::fine_tune::{training, training_params};
use super::teacher;
use super::{Defence, Given, Knows};
use crate::adversarial::Pgd;
use crate::job::{Batch, Phase, PhaseError, Stamp, Start, TrainPhase, TrainStep};
use crate::objectives::{Behaviour, Loss, Reading, Scale, cross_entropy};
use burn::module::Module;
use burn::tensor::Tensor;
use std::sync::Arc;
use unstamp_data::method::{Method, Param, Values};
use unstamp_networks::model::{Network, Output};

/// `L = CE + alpha (LDL + beta UDL)` (equation 12). `LDL` weighs the distances of response, learning
/// and prediction behaviour ([`Behaviour`]) on clean images by lambda 1 to 3; `UDL` the same with the
/// student on pseudo samples `x + delta` and the teacher on `x`, `delta` from an untargeted attack
/// on the student as it is, anew for every batch (equation 10).
///
/// Given: batch 64, learning rate 0.1, momentum 0.9, lambda 2, 2, 0.1, alpha 1, beta 0.5, T = 5.
/// Left open, and chosen here: schedule, augmentation and teacher are NAD's; the attack is PGD in
/// the L-infinity ball of 8/255, 5 steps of 4/255 from a random start, on the student in evaluation
/// mode; pseudo samples stay within 0..1; on them the student normalises by their own batch, and
/// they do not move its running statistics, which are for clean images. Features have unit length
/// ([`Scale`]): as printed, with the printed lambdas, the loss diverges in the first step. At unit
/// length learning behaviour is a twentieth of response behaviour or less, and a lambda 2 of 2 adds
/// nothing; 200 makes it count (`signs_nba.toml`).
///
/// `samples = "poisoned"` puts the attacker's trigger in the place of `delta` (table 5); "none"
/// leaves `UDL` out, `learning = 0` `LDL` (table 4).
pub struct Nba;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Samples {
    Pseudo,
    Poisoned,
    None,
}

#[derive(Debug)]
struct Alignment {
    behaviour: Behaviour,
    lambda: [f64; 3],
    alpha: f64,
    learning: f64,
    beta: f64,
    samples: Samples,
    attack: Pgd,
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
    fn distances(&self, teacher: &Output, student: &Output) -> [Tensor<1>; 3] {
        let b = &self.behaviour;
        [b.response(teacher, student), b.learning(teacher, student), b.prediction(teacher, student)]
    }
}

impl TrainStep for Alignment {
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let teacher = batch.reference(0)?;
        let judge: Network = batch.student.clone().no_grad();
        let odd = match self.samples {
            Samples::Pseudo => Some(self.attack.perturb_batch(&judge, batch)),
            Samples::Poisoned => batch.stamped.clone(),
            Samples::None => None,
        };
        let student = batch.learn(batch.images.clone());
        let ce = cross_entropy(student.logits.clone(), batch.labels.clone());
        let mut parts = vec![("cross_entropy", ce.clone())];
        let mut terms = self.distances(&teacher, &student).to_vec();
        let mut weights = self.lambda.map(|l| l * self.alpha * self.learning).to_vec();
        if let Some(odd) = odd {
            batch.passes += batch.size();
            if let Some(target) = batch.counted_class {
                let predicted = judge.forward(odd.clone()).logits.argmax(1);
                let hits = predicted.equal_elem(target as i32).int().sum().float();
                parts.push(("pseudo_as_target", hits.reshape([1]) / batch.size() as f32));
            }
            // A copy: its statistics are thrown away, its parameters are the student's own.
            let student = batch.student.clone().forward_train(odd);
            terms.extend(self.distances(&teacher, &student));
            weights.extend(self.lambda.map(|l| l * self.alpha * self.beta));
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

/// The attack that makes pseudo samples.
fn attack(values: &Values) -> Pgd {
    let (eps, step) = (values.float("eps") as f32, values.float("attack_step") as f32);
    Pgd { eps, step: eps * step, steps: values.int("attack_steps") as usize }
}

/// The same by default.
pub fn usual_attack() -> Pgd {
    attack(&Values::default().with_defaults(&Nba.params()))
}

impl Defence for Nba {
    fn method(&self) -> Method {
        Method {
            id: "nba",
            title: "Neural behavioural alignment",
            paper: "NBA equations 1 to 12",
            summary: "Aligns the victim's behaviour with a fine-tuned teacher's, also where it misbehaves.",
        }
    }

    fn knows(&self, values: &Values) -> Knows {
        if values.text("samples") == "poisoned" { Knows::Trigger } else { Knows::CleanSubset }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        let weight = |id, help, default| Param::float(id, help, 0.0, 1e6, default);
        params.extend([
            weight("lambda1", "weight of response behaviour", 2.0),
            weight("lambda2", "weight of learning behaviour", 2.0),
            weight("lambda3", "weight of prediction behaviour", 0.1),
            weight("alpha", "weight of distillation; 0: control", 1.0),
            weight("beta", "weight of unlearning within it", 0.5),
            Param::choice("samples", "what unlearning sees", &["pseudo", "poisoned", "none"]),
            Param::float("eps", "radius of the attack, of 0..1", 0.0, 1.0, 8.0 / 255.0),
            Param::float("attack_step", "its step as a share of eps", 0.0, 1.0, 0.5),
            Param::int("attack_steps", "its steps", 1, 1000, 5),
            Param::choice("scale", "of features before they are compared", &["unit", "printed"]),
            Param::choice("reading", "of equation 4", &["scalar", "elementwise"]),
            Param::choice("behaviour", "what is compared", &["gram", "feature"]),
            Param::choice("divergence", "of predictions", &["cross_entropy", "kl"]),
            Param::float("temperature", "of predictions", 0.1, 100.0, 5.0),
            weight("learning", "weight of learning distillation; 0: unlearning alone", 1.0)
                .hash_neutral(),
            teacher::training_param(),
        ]);
        params
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let values = given.values;
        let is = |key, value| values.text(key) == value;
        let behaviour = Behaviour {
            scale: if is("scale", "printed") { Scale::Printed } else { Scale::Unit },
            reading: if is("reading", "scalar") { Reading::Scalar } else { Reading::Elementwise },
            gram: is("behaviour", "gram"),
            divergence: is("divergence", "kl"),
            temperature: values.float("temperature"),
        };
        let train_step = Alignment {
            behaviour,
            lambda: ["lambda1", "lambda2", "lambda3"].map(|key| values.float(key)),
            alpha: values.float("alpha"),
            learning: values.float("learning"),
            beta: values.float("beta"),
            samples: match values.text("samples") {
                "poisoned" => Samples::Poisoned,
                "none" => Samples::None,
                _ => Samples::Pseudo,
            },
            attack: attack(values),
        };
        let stamp = given.trigger.cloned().map(|trigger| Stamp { trigger, share: None });
        let train_phase =
            TrainPhase { stamp, ..TrainPhase::new(Arc::new(train_step), training(given)) };
        let align = Phase::training("align", train_phase).with_references([Start::Phase(0)]);
        vec![teacher::finetuned(given), align]
    }
}
