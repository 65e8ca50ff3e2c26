//! The native side of Unstamp: data on disk, long runs, results, publishing.

pub mod args;
pub mod artefact;
pub mod attack_sheet;
pub mod attention_figure;
pub mod build_info;
pub mod campaign;
pub mod captioned_rows;
pub mod cell;
pub mod claims;
pub mod cli;
pub mod commands;
pub mod data;
pub mod device;
pub mod event_log;
pub mod files;
pub mod import;
pub mod limits;
pub mod magic;
pub mod measure;
pub mod model_card;
pub mod onnx;
pub mod open_model;
pub mod poisoned_set;
pub mod progress;
pub mod publish;
pub mod recovered_trigger;
pub mod serve;
pub mod table;
pub mod trigger;

/// Wrong use: the command ends with exit code 2 instead of 1.
#[derive(Debug)]
pub struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Usage {}

/// Turns a message into a [`Usage`] error.
pub fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Usage(message.to_string()))
}
