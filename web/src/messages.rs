//! The messages between the page and the engines. They travel as JSON through `worker.js`; long
//! lists of bytes (weights) travel together with the JSON.
//!
//! Every request has a number, `id`, which its replies repeat. For [`Request::Predict`] and
//! [`Request::Evaluate`] only the newest request counts: the engine stops an older one at its next
//! pause and sends no more replies to it.
#![allow(missing_docs, reason = "the text of a variant says what its fields hold")]

use serde::{Deserialize, Serialize};
pub use unstamp_shared::heat::AttentionMap;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::Values;
use unstamp_shared::metrics::Report;
use unstamp_shared::poison::TriggerRecord;

/// A request from the page to an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Load a model. The bytes that travel with it are its file. `corrupt` changes one weight, to
    /// show that the self-test notices it.
    Load { id: u32, entry: Box<ModelEntry>, corrupt: bool },
    /// Probabilities and attention maps of one image for every model of `models`. `image` holds
    /// `3 * width * height` bytes, RGB, row by row.
    Predict { id: u32, width: usize, height: usize, image: Vec<u8>, models: Vec<String> },
    /// ACC, ASR, RA and floor over the first `images` test images, in several replies.
    Evaluate { id: u32, models: Vec<String>, trigger: TriggerRecord, images: usize },
    /// Compare the answers to the first `images` self-test images with those in the model file.
    SelfTest { id: u32, model: String, images: usize },
    /// Measure the time for a batch of `images`.
    Measure { id: u32, model: String, images: usize },
    /// Run a defence on a model with the clean subset; the bytes that travel with it are the model
    /// file.
    Erase { id: u32, entry: Box<ModelEntry>, defence: String, set: Values },
    /// Stop the running [`Request::Erase`].
    Stop { id: u32 },
}

/// A reply from an engine to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reply {
    /// The first message: the engine has started. `defences` lists the defences that it can run.
    Ready { hardware: Hardware, defences: Vec<DefenceName> },
    /// The model is loaded.
    Loaded { id: u32, model: String },
    /// The reply to [`Request::Predict`] for one model.
    Prediction { id: u32, model: String, answer: Answer },
    /// The counts after `seen` of `total` images.
    Evaluation { id: u32, model: String, seen: usize, total: usize, report: Box<Report> },
    /// The reply to [`Request::SelfTest`]: the largest relative difference, and whether it is
    /// small enough.
    Tested { id: u32, model: String, difference: f32, passed: bool },
    /// The reply to [`Request::Measure`].
    Measured { id: u32, model: String, images: usize, milliseconds: f64 },
    /// The progress of an erasure from `model`. After an epoch, and at the end, the bytes that
    /// travel with it are the file of the student.
    Erasing { id: u32, model: String, progress: Box<ErasureProgress> },
    /// The request failed for `model` (empty if it concerns no model).
    Failed { id: u32, model: String, failure: Failure },
}

/// The hardware that an engine computes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hardware {
    /// The processor; `relaxed` if the program uses fused multiply-adds (relaxed SIMD).
    Cpu { relaxed: bool },
    /// A WebGPU adapter (empty if it has no name); `software` if it runs on the processor.
    WebGpu { adapter: String, software: bool },
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

/// Why a request failed. A `reason` is a text without a full stop at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// The engine has no model with this id.
    NotLoaded,
    /// The model file cannot be used.
    UnusableModel { file: String, reason: String },
    /// The bytes of the image do not fit its width and height.
    ImageSize,
    /// The device did not give its results back.
    Device { reason: String },
    /// The trigger is not valid.
    Trigger { reason: String },
    /// There is no defence with this id.
    UnknownDefence { defence: String },
    /// The settings of the defence are not valid.
    Settings { reason: String },
    /// The defence stopped.
    Erasure { reason: String },
    /// The program holds no defences.
    OnlyPredicts,
    /// The engine could not read the request.
    UnreadableRequest { reason: String },
}
