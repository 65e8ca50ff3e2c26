//! Neural attention distillation (Li et al., ICLR 2021). Read this file first: every defence
//! looks so.
//!
//! The teacher is the victim fine-tuned on the clean subset; the student, again the victim, is
//! then trained on the same images with cross entropy plus `beta` times the distance between
//! its normalised attention maps and the teacher's. With `beta = 0` the second phase is plain
//! fine-tuning: the control that tells what the attention term adds.

use super::Defence;
use super::fine_tune::{phase, training, training_params};
use crate::attention::Operator;
use crate::job::{Phase, Start};
use crate::method::{Method, Param, Values};
use crate::objectives::{Form, Nad as Loss};
use std::sync::Arc;

/// Defaults: NAD section 4.1, A^2_sum. The paper's betas (10,000 to 50,000) have no stated scale:
/// with equation 2's norm they drown the cross entropy, so `beta = -1` means this project's choice
/// for the form, 2 for the paper's and 1,000 for the code's.
pub struct Nad;

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
        let mut params = training_params();
        params.push(Param::choice(
            "form",
            "paper: equation 2; code: the authors' mean squared error",
            &["paper", "code"],
        ));
        params.push(Param::choice(
            "operator",
            "how channels become a map (equation 1)",
            Operator::NAMES,
        ));
        params.push(Param::float(
            "beta",
            "weight of the attention term; -1: default of the form; 0: control",
            -1.0,
            1e6,
            -1.0,
        ));
        params
    }

    fn phases(&self, values: &Values, flip: bool) -> Vec<Phase> {
        let form = if values.text("form") == "code" { Form::Code } else { Form::Paper };
        let beta = match values.float("beta") {
            beta if beta >= 0.0 => beta,
            _ if form == Form::Paper => 2.0,
            _ => 1000.0,
        };
        let operator = Operator::named(values.text("operator")).unwrap_or(Operator::Sum2);
        let distil = Phase {
            name: "distil",
            student: Start::Victim,
            teacher: Some(Start::Phase(0)),
            objective: Arc::new(Loss { form, operator, beta }),
            training: training(values, flip),
        };
        vec![phase("teacher", training(values, flip)), distil]
    }
}
