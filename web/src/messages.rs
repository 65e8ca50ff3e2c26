//! The messages between the page and the engines. They travel as JSON through `worker.js`,
//! `{"KIND": {"id": ...}}`; long lists of bytes (weights) travel together with the JSON. (A field with the
//! kind inside of the object would need a second reader for every type, a tenth of the page's program.)
//!
//! Every request has a number, `id`, which its replies repeat. For [`Request::Predict`] and
//! [`Request::Evaluate`] only the newest request counts: the engine stops an older one at its next
//! pause and sends no more replies to it.

use serde::{Deserialize, Serialize};
pub use unstamp_shared::heat::AttentionMap;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::Values;
use unstamp_shared::metrics::Report;
use unstamp_shared::poison::TriggerRecord;

/// A request from the page to an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Load a model. The bytes that travel with it are its file.
    Load {
        /// Number of the request.
        id: u32,
        /// Description of the model.
        entry: Box<ModelEntry>,
        /// Whether one weight is changed, to show that the self-test notices it.
        corrupt: bool,
    },
    /// Probabilities and attention maps of one image for every model of `models`.
    Predict {
        /// Number of the request.
        id: u32,
        /// Columns of the image.
        width: usize,
        /// Rows of the image.
        height: usize,
        /// `3 * width * height` bytes, RGB, row by row.
        image: Vec<u8>,
        /// Ids of the models.
        models: Vec<String>,
    },
    /// ACC, ASR, RA and floor over the first `images` test images, in several replies.
    Evaluate {
        /// Number of the request.
        id: u32,
        /// Ids of the models.
        models: Vec<String>,
        /// The trigger on the triggered images.
        trigger: TriggerRecord,
        /// Number of test images.
        images: usize,
    },
    /// Compare the answers to the first `images` self-test images with those in the model file.
    SelfTest {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Number of self-test images.
        images: usize,
    },
    /// Measure the time for a batch of `images`.
    Measure {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Images in the batch.
        images: usize,
    },
    /// Run a defence on a model with the clean subset; the bytes that travel with it are the model
    /// file.
    Erase {
        /// Number of the request.
        id: u32,
        /// Description of the victim.
        entry: Box<ModelEntry>,
        /// Id of the defence.
        defence: String,
        /// Settings that differ from the defence's defaults.
        set: Values,
    },
    /// Stop the running [`Request::Erase`].
    Stop {
        /// Number of the request.
        id: u32,
    },
}

/// A reply from an engine to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The first message: the engine has started.
    Ready {
        /// The hardware that it computes on.
        hardware: Hardware,
        /// Defences that it can run; empty if it only predicts.
        defences: Vec<DefenceName>,
    },
    /// The model is loaded.
    Loaded {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
    },
    /// The reply to [`Request::Predict`] for one model.
    Prediction {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Probabilities and attention maps.
        answer: Answer,
    },
    /// The counts after `seen` of `total` images.
    Evaluation {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Images counted so far.
        seen: usize,
        /// Images in all.
        total: usize,
        /// Rates over the images so far.
        report: Box<Report>,
    },
    /// The reply to [`Request::SelfTest`].
    Tested {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Largest difference, relative to the largest value of its kind.
        difference: f32,
        /// Whether the difference is small enough.
        passed: bool,
    },
    /// The reply to [`Request::Measure`].
    Measured {
        /// Number of the request.
        id: u32,
        /// Id of the model.
        model: String,
        /// Images in the batch.
        images: usize,
        /// Time for the batch.
        milliseconds: f64,
    },
    /// The progress of an erasure from `model`. After an epoch, and at the end, the bytes that
    /// travel with it are the file of the student.
    Erasing {
        /// Number of the request.
        id: u32,
        /// Id of the victim.
        model: String,
        /// State of the erasure.
        progress: Box<ErasureProgress>,
    },
    /// The request failed.
    Failed {
        /// Number of the request.
        id: u32,
        /// Id of the model; empty if the request concerns no model.
        model: String,
        /// The reason.
        failure: Failure,
    },
}

/// The hardware that an engine computes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hardware {
    /// The processor.
    Cpu {
        /// Whether the program uses fused multiply-adds (relaxed SIMD).
        relaxed: bool,
    },
    /// A WebGPU adapter.
    WebGpu {
        /// Name of the adapter; empty if it has none.
        adapter: String,
        /// Whether it runs on the processor.
        software: bool,
    },
}

/// A defence in the menu of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefenceName {
    /// The value of the menu entry.
    pub id: String,
    /// The text of the menu entry.
    pub title: String,
}

/// The progress of an erasure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErasureProgress {
    /// Optimiser steps done.
    pub done: usize,
    /// Optimiser steps in all; 0 before the first step.
    pub total: usize,
    /// The name of the current phase of the defence.
    pub phase: String,
    /// The current epoch of the phase, from 0.
    pub epoch: usize,
    /// The loss of the last step.
    pub loss: f64,
    /// The mean of every term of the loss over the last epoch, with its name.
    pub losses: Vec<(String, f64)>,
    /// Whether the erasure is finished.
    pub finished: bool,
}

/// The prediction of a model for one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// One probability for each class; their sum is 1.
    pub probabilities: Vec<f32>,
    /// One attention map for each feature that the network gives, from the input to the output.
    pub maps: Vec<AttentionMap>,
    /// The time that the prediction took.
    pub milliseconds: f64,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The engine has no model with this id.
    NotLoaded,
    /// The model file cannot be used.
    UnusableModel {
        /// Name of the model file.
        file: String,
        /// The fault, without a full stop.
        reason: String,
    },
    /// The bytes of the image do not fit its width and height.
    ImageSize,
    /// The device did not give its results back.
    Device {
        /// The reason, without a full stop.
        reason: String,
    },
    /// The trigger is not valid.
    Trigger {
        /// The reason, without a full stop.
        reason: String,
    },
    /// There is no defence with this id.
    UnknownDefence {
        /// Id that was asked for.
        defence: String,
    },
    /// The settings of the defence are not valid.
    Settings {
        /// The reason, without a full stop.
        reason: String,
    },
    /// The defence stopped.
    Erasure {
        /// The reason, without a full stop.
        reason: String,
    },
    /// The program holds no defences.
    OnlyPredicts,
    /// The engine could not read the request.
    UnreadableRequest {
        /// The reason, without a full stop.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
