//! The defences. Adding one is one file here and one line in [`DEFENCES`].
//!
//! A defence only declares: what it may know, its parameters, and its phases. A
//! [`Job`](crate::job::Job) runs them, in the trainer and in the page alike.

mod fine_tune;
mod nad;

use crate::job::Phase;
use crate::method::{Method, Param, Values};
use serde::Serialize;

/// Every defence there is.
pub static DEFENCES: &[&dyn Defence] = &[&fine_tune::FineTune, &nad::Nad];

/// The defence with this id.
pub fn defence(id: &str) -> Option<&'static dyn Defence> {
    DEFENCES.iter().copied().find(|defence| defence.method().id == id)
}

/// What a defence is given beside the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Knows {
    /// The clean subset only.
    CleanSubset,
    /// The clean subset and the attacker's trigger (an upper bound, not a defence one can run).
    Trigger,
}

/// A way to erase a backdoor.
pub trait Defence: Sync {
    fn method(&self) -> Method;

    fn knows(&self) -> Knows {
        Knows::CleanSubset
    }

    fn params(&self) -> Vec<Param>;

    /// What is run, in order; the last phase's student is the defended model. `flip` says whether
    /// the data set allows mirroring.
    fn phases(&self, values: &Values, flip: bool) -> Vec<Phase>;
}
