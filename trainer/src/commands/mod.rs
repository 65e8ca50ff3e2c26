//! The commands of `unstamp`: one file for each, with its arguments.

pub mod attention;
pub mod claims;
pub mod completions;
pub mod craft;
pub mod data;
pub mod erase;
pub mod eval;
pub mod export;
pub mod import;
pub mod list;
pub mod plan;
pub mod poison;
pub mod preview;
pub mod publish;
pub mod run;
pub mod serve;
pub mod stamp;
pub mod table;

use crate::usage;
use anyhow::Result;
use unstamp_shared::attacks::{Attack, attack};

/// The attack with this id.
///
/// # Errors
/// There is none.
fn known_attack(id: &str) -> Result<&'static dyn Attack> {
    attack(id).ok_or_else(|| usage(format!("there is no attack '{id}'; see unstamp list")))
}
