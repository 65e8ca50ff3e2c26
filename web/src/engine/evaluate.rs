//! Evaluation over the generated test images, in small steps.

use super::Engine;
use super::predict::device_failure;
use crate::messages::{Failure, Reply};
use std::rc::Rc;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::evaluate::Evaluation;
use unstamp_shared::poison::{TriggerRecord, sign_trigger};
use unstamp_shared::seed::Seed;

/// Images between two replies. After each reply the engine receives newer requests.
const STEP: usize = 40;

impl Engine {
    /// Evaluates several models, one after the other.
    pub(super) async fn evaluate_all(
        &self,
        id: u32,
        models: Vec<String>,
        trigger: &TriggerRecord,
        images: usize,
    ) {
        self.state.borrow_mut().newest.evaluation = id;
        for model in models {
            let outcome = self.evaluate(id, &model, trigger, images).await;
            if !self.succeeded(id, &model, outcome) {
                return;
            }
            if self.state.borrow().newest.evaluation != id {
                return;
            }
        }
    }

    /// Evaluates one model and replies after every [`STEP`] images.
    async fn evaluate(
        &self,
        id: u32,
        name: &str,
        record: &TriggerRecord,
        images: usize,
    ) -> Result<(), Failure> {
        let model = self.model(name)?;
        let classes = model.entry.class_names.len();
        let trigger = sign_trigger(record, classes)
            .map_err(|error| Failure::Trigger { reason: error.to_string() })?;
        let total = images.min(signs::TEST);
        let mut evaluation = Evaluation::with_clean(classes, model.clean.borrow().clone());
        while evaluation.seen() < total {
            let count = STEP.min(total - evaluation.seen());
            let tests = self.tests(evaluation.seen() + count).await;
            evaluation
                .step(&model.network, &tests, Some(&trigger), &self.device, count)
                .await
                .map_err(device_failure)?;
            self.pause().await;
            if self.state.borrow().newest.evaluation != id {
                return Ok(());
            }
            self.reply(&Reply::Evaluation {
                id,
                model: name.to_string(),
                seen: evaluation.seen(),
                total,
                report: Box::new(evaluation.report(Some(&trigger))),
            });
        }
        let clean = evaluation.predictions.iter().map(|(clean, _)| *clean);
        model.clean.replace(clean.collect());
        Ok(())
    }

    /// At least `count` test images, or all of them. Generates those that are missing.
    async fn tests(&self, count: usize) -> Rc<Split> {
        loop {
            let tests = self.state.borrow().tests.clone();
            if tests.len() >= count.min(signs::TEST) {
                return tests;
            }
            let mut split = Split::clone(&tests);
            for index in tests.len()..(tests.len() + 2 * STEP).min(signs::TEST) {
                let (image, label) = signs::draw(Seed(0), SplitName::Test, index);
                split.push(&image, label);
            }
            self.state.borrow_mut().tests = Rc::new(split);
            self.pause().await;
        }
    }
}
