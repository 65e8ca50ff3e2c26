//! Neural attention distillation (Li et al., ICLR 2021). Read this file first: every defence
//! looks so.
//!
//! The teacher is the victim fine-tuned on the clean subset; the student, again the victim, is
//! then trained on the same images with cross entropy plus `beta` times the distance between
//! its normalised attention maps and the teacher's. With `beta = 0` the second phase is plain
//! fine-tuning: the control that tells what the attention term adds.

use super::fine_tune::{patience, phase, training, training_params};
use super::teacher;
use super::{Defence, Given, Reported};
use crate::Later;
use crate::job::{Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Start, TrainPhase};
use crate::objectives::{Form, Nad as Loss};
use std::sync::Arc;
use unstamp_data::method::{Method, Param};
use unstamp_networks::attention::Operator;
use unstamp_networks::evaluate::accuracy;

/// Defaults: NAD section 4.1, A^2_sum. The paper's betas (10,000 to 50,000) have no stated scale:
/// with equation 2's norm they drown the cross entropy, so `beta = -1` means this project's choice
/// for the form, 2 for the paper's and 1,000 for the code's. `threshold` runs the paper's rule
/// instead: beta is doubled, along the form's grid, while validation accuracy stays within so many
/// points of that at the smallest.
///
/// [`teacher`] and `student` give the pairs of figures 4 and 5 and table 2.
pub struct Nad;

/// Betas the rule tries; the third is the default.
fn grid(form: Form) -> [f64; 6] {
    let unit = if form == Form::Paper { 0.5 } else { 250.0 };
    [0, 1, 2, 3, 4, 5].map(|power| unit * f64::from(1 << power))
}

/// Teacher and distillation as section 4.1 has them, for defences that stand on NAD.
pub(super) fn standard(given: &Given) -> Vec<Phase> {
    let loss = Loss { form: Form::Paper, operator: Operator::Sum2, beta: grid(Form::Paper)[2] };
    let distil = Phase::train("distil", Arc::new(loss), training(given));
    vec![phase("teacher", training(given)), distil.with_references([Start::Phase(0)])]
}

/// Takes the last of the other models, one a beta, before validation accuracy falls more than
/// `points` below the first one's.
#[derive(Debug)]
struct LastWithin {
    points: f64,
    betas: Vec<f64>,
}

impl LastWithin {
    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let mut measured = Vec::new();
        let (students, mut chosen) = (context.references, 0);
        if let Some(split) = context.validation {
            let reach =
                async |weights| accuracy(context.arch, weights, split, context.device).await;
            let mut floor = 0.0;
            for (i, student) in students.iter().enumerate() {
                let reached = reach(&student.weights).await?.value;
                measured.push((format!("validation_accuracy_at_{}", self.betas[i]), reached));
                if i == 0 {
                    floor = reached - self.points / 100.0;
                }
                if reached < floor {
                    break;
                }
                chosen = i;
            }
        }
        measured.push(("beta".to_string(), self.betas[chosen]));
        let student = students.get(chosen).ok_or(PhaseError::Missing(PhaseInput::Model))?;
        Ok(Edited { output: (*student).clone(), measured })
    }
}

impl Edit for LastWithin {
    fn validates(&self) -> bool {
        true
    }

    fn edit<'a>(&'a self, context: EditContext<'a>) -> Later<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

impl Defence for Nad {
    fn method(&self) -> Method {
        Method {
            id: "nad",
            title: "Neural attention distillation",
            paper: "NAD equations 1 to 3",
            summary: "Fine-tunes a teacher on the clean subset, then aligns the victim's attention maps with it.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let number = |id, help, low, high, default| Param::float(id, help, low, high, default);
        let mut params = training_params();
        params.extend([
            Param::choice(
                "form",
                "paper: equation 2; code: the authors' mean squared error",
                &["paper", "code"],
            ),
            Param::choice(
                "operator",
                "how channels become a map (equation 1); raw: the activations themselves (table 8)",
                Operator::NAMES,
            ),
            number(
                "beta",
                "weight of the attention term; -1: the form's; 0: control",
                -1.0,
                1e6,
                -1.0,
            ),
            number(
                "threshold",
                "points the search for beta may cost; 0: no search",
                0.0,
                100.0,
                0.0,
            ),
            Param::choice("student", "which model learns", &["victim", "finetuned"]),
            Param::int("rounds", "times the whole is repeated (figure 9)", 1, 20, 1),
            patience().hash_neutral(),
        ]);
        params.extend(teacher::params());
        params
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            ("badnets", 81.17, 4.77),
            ("trojan", 79.16, 19.63),
            ("blend", 81.68, 4.04),
            ("clean_label", 80.34, 9.18),
            ("sig", 81.95, 2.52),
        ]
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let values = given.values;
        let form = if values.text("form") == "code" { Form::Code } else { Form::Paper };
        let beta = Some(values.float("beta")).filter(|b| *b >= 0.0).unwrap_or(grid(form)[2]);
        let operator = Operator::named(values.text("operator")).unwrap_or(Operator::Sum2);
        let (points, mut phases) = (values.float("threshold"), Vec::new());
        let patience = Some(values.int("patience") as usize).filter(|p| *p > 0);
        let mut from = Start::Victim;
        for _ in 0..values.int("rounds") {
            let mut last = |phase: Phase| {
                phases.push(phase);
                Start::Phase(phases.len() - 1)
            };
            let teacher =
                teacher::teacher(given, from.clone()).map(&mut last).unwrap_or(from.clone());
            let student = match (values.text("student"), values.text("teacher")) {
                ("victim", _) => from.clone(),
                // One fine-tuned model serves as teacher and student alike.
                (_, "finetuned") => teacher.clone(),
                _ => last(phase("student", training(given)).from(from.clone())),
            };
            let distil = |beta| {
                let train_step = Arc::new(Loss { form, operator, beta });
                let train_phase =
                    TrainPhase { patience, ..TrainPhase::new(train_step, training(given)) };
                Phase::training("distil", train_phase)
                    .from(student.clone())
                    .with_references([teacher.clone()])
            };
            from = if points > 0.0 && given.validates() {
                let betas = grid(form).to_vec();
                let students: Vec<_> = betas.iter().map(|beta| last(distil(*beta))).collect();
                let choose = Phase::edit("choose", Arc::new(LastWithin { points, betas }));
                last(choose.from(student.clone()).with_references(students))
            } else {
                last(distil(beta))
            };
        }
        phases
    }
}
