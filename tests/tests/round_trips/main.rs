//! A value that is written and read again is the same.

mod artefacts;
mod checkpoints;
mod drawn;
mod drawn_records;
mod manifest;
mod recipes;
mod results;
mod settings;
mod texts;
mod weights;

use proptest::prelude::ProptestConfig;

/// Without files of failed cases beside the tests: a failure prints its case.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}
