//! What the page and the engines say to each other: JSON through the worker, big buffers beside.
//!
//! Every request carries an id. For [`Request::Predict`] and [`Request::Evaluate`] the newest id
//! wins: an older one stops at its next pause and answers nothing more.

use serde::{Deserialize, Serialize};
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::Values;
use unstamp_shared::metrics::Report;
use unstamp_shared::poison::TriggerRecord;
use unstamp_shared::self_test::SelfTestAnswers;

/// From the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Load a model; the weights travel beside as bytes. `corrupt` flips one weight, to prove
    /// that the self-test notices.
    Load { id: u32, entry: Box<ModelEntry>, corrupt: bool },
    /// Probabilities and attention maps of one image for every model named.
    Predict { id: u32, image: Vec<u8>, models: Vec<String> },
    /// ACC, ASR, RA and floor over the first `images` test images, streamed.
    Evaluate { id: u32, models: Vec<String>, trigger: TriggerRecord, images: usize },
    /// Answers to the first `probes` probe images, compared with the stored ones.
    SelfTest { id: u32, model: String, probes: usize },
    /// Milliseconds for a batch of `images`, the median of three.
    Measure { id: u32, model: String, images: usize },
    /// Run a defence on a model, whose weights travel beside, with the page's clean subset.
    Erase { id: u32, entry: Box<ModelEntry>, defence: String, set: Values },
    /// End the running [`Request::Erase`].
    Stop { id: u32 },
    /// For tests: a NAD loss between two models on a probe batch and its gradient norms.
    Gradient { id: u32, teacher: String, student: String, images: usize },
}

/// From an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reply {
    Ready {
        engine: String,
        adapter: String,
        software: bool,
        /// Defences it can run: id and title.
        defences: Vec<(String, String)>,
    },
    Loaded {
        id: u32,
        model: String,
    },
    Prediction {
        id: u32,
        model: String,
        answer: Answer,
    },
    /// A partial result; the last has `seen == total`.
    Evaluation {
        id: u32,
        model: String,
        seen: usize,
        total: usize,
        report: Box<Report>,
    },
    Tested {
        id: u32,
        model: String,
        difference: f32,
        passed: bool,
        probe: Box<SelfTestAnswers>,
    },
    Measured {
        id: u32,
        model: String,
        images: usize,
        milliseconds: f64,
    },
    /// Where an erasure stands; after an epoch, and at the end, with the student's weights beside.
    Erasing {
        id: u32,
        /// The model erased from.
        model: String,
        erasing: Box<Erasing>,
    },
    Gradient {
        id: u32,
        loss: f32,
        parts: Vec<f32>,
        gradients: Vec<f32>,
    },
    /// The request failed; the sentence is for the visitor.
    Failed {
        id: u32,
        model: String,
        message: String,
    },
}

/// Progress of an erasure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Erasing {
    /// Optimiser steps.
    pub done: usize,
    pub total: usize,
    pub phase: String,
    pub epoch: usize,
    /// Of the last step.
    pub loss: f64,
    /// Means over the last epoch, by name.
    pub losses: Vec<(String, f64)>,
    pub finished: bool,
}

/// What a model says of an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// One a class, summing to 1.
    pub probabilities: Vec<f32>,
    /// A^2_sum of every group divided by its Euclidean norm, row by row.
    pub maps: Vec<Vec<f32>>,
    pub milliseconds: f64,
}
