//! The output of a phase, for later phases and for the record.

use super::{PhaseError, PhaseInput};
use serde::{Deserialize, Serialize};
use unstamp_networks::model::weights::{Array, Arrays};

/// The output of a phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseOutput {
    /// Weights of the student, statistics included.
    pub weights: Arrays,
    /// The result of the phase in addition to the weights.
    pub auxiliary: Auxiliary,
}

impl From<Arrays> for PhaseOutput {
    fn from(weights: Arrays) -> Self {
        Self { weights, auxiliary: Auxiliary::None }
    }
}

/// A result of a phase in addition to the weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Auxiliary {
    /// Nothing.
    #[default]
    None,
    /// Parameters that were trained together with the student, by name.
    Parameters(Arrays),
    /// The class that triggers lead to.
    Target(usize),
    /// Triggers recovered from the network.
    Triggers(RecoveredTriggers),
}

impl Auxiliary {
    /// The parameters that were trained together with the student.
    ///
    /// # Errors
    ///
    /// [`PhaseError::Missing`] if the phase trained none.
    pub fn parameters(&self) -> Result<&Arrays, PhaseError> {
        match self {
            Self::Parameters(parameters) => Ok(parameters),
            _ => Err(PhaseError::Missing(PhaseInput::Parameters)),
        }
    }

    /// The class that triggers lead to.
    ///
    /// # Errors
    ///
    /// [`PhaseError::Missing`] if the phase found none.
    pub fn target(&self) -> Result<usize, PhaseError> {
        match self {
            Self::Target(target) => Ok(*target),
            Self::Triggers(triggers) => Ok(triggers.target),
            _ => Err(PhaseError::Missing(PhaseInput::Target)),
        }
    }

    /// The recovered triggers.
    ///
    /// # Errors
    ///
    /// [`PhaseError::Missing`] if the phase recovered none.
    pub fn triggers(&self) -> Result<&RecoveredTriggers, PhaseError> {
        match self {
            Self::Triggers(triggers) => Ok(triggers),
            _ => Err(PhaseError::Missing(PhaseInput::Triggers)),
        }
    }

    /// The part that a checkpoint stores in its JSON head.
    pub(super) fn head(&self) -> AuxiliaryHead {
        match self {
            Self::None => AuxiliaryHead::None,
            Self::Parameters(_) => AuxiliaryHead::Parameters,
            Self::Target(target) => AuxiliaryHead::Target { target: *target },
            Self::Triggers(RecoveredTriggers { target, position, .. }) => {
                AuxiliaryHead::Triggers { target: *target, position: *position }
            }
        }
    }

    /// The part that a checkpoint stores as arrays.
    pub(super) fn arrays(&self) -> Arrays {
        match self {
            Self::None | Self::Target(_) => Arrays::new(),
            Self::Parameters(parameters) => parameters.clone(),
            Self::Triggers(triggers) => {
                Arrays::from([(PATCHES.to_string(), triggers.patches.clone())])
            }
        }
    }

    /// The inverse of [`Auxiliary::head`] and [`Auxiliary::arrays`]; `None` if an array is missing or
    /// has another shape.
    pub(super) fn from_parts(head: &AuxiliaryHead, mut arrays: Arrays) -> Option<Self> {
        Some(match *head {
            AuxiliaryHead::None => Self::None,
            AuxiliaryHead::Parameters => Self::Parameters(arrays),
            AuxiliaryHead::Target { target } => Self::Target(target),
            AuxiliaryHead::Triggers { target, position } => {
                let patches = arrays.remove(PATCHES)?;
                let [count, size] = patches.shape[..] else { return None };
                if count == 0 || size != position.size() {
                    return None;
                }
                Self::Triggers(RecoveredTriggers { target, position, patches })
            }
        })
    }
}

/// Name of the array of patches in a checkpoint.
const PATCHES: &str = "patches";

/// The kind of an [`Auxiliary`] and its whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum AuxiliaryHead {
    None,
    Parameters,
    Target { target: usize },
    Triggers { target: usize, position: PatchPosition },
}

/// Square patches that turn images into a class when they lie on them.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredTriggers {
    /// The class they lead to.
    pub target: usize,
    /// Size of the patches, and where they lie.
    pub position: PatchPosition,
    /// `[count, 3 * side * side]` in 0..1, each patch as `[3, side, side]`.
    pub patches: Array,
}

/// Size and place of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchPosition {
    /// Width and height in pixels.
    pub side: usize,
    /// Upper left corner `[x, y]`; `None` draws a new corner for every image.
    pub at: Option<[usize; 2]>,
}

impl PatchPosition {
    /// Number of values of a patch, `3 * side * side`.
    pub fn size(&self) -> usize {
        3 * self.side * self.side
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triggers() -> RecoveredTriggers {
        let position = PatchPosition { side: 1, at: Some([2, 3]) };
        let patches = Array { shape: vec![2, 3], values: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5] };
        RecoveredTriggers { target: 4, position, patches }
    }

    #[test]
    fn every_kind_is_restored_from_a_checkpoint() {
        let array = Array { shape: vec![1], values: vec![0.5] };
        let all = [
            Auxiliary::None,
            Auxiliary::Parameters(Arrays::from([("a".to_string(), array)])),
            Auxiliary::Target(7),
            Auxiliary::Triggers(triggers()),
        ];
        for auxiliary in all {
            let json = serde_json::to_string(&auxiliary.head()).expect("plain data");
            let head: AuxiliaryHead = serde_json::from_str(&json).expect("readable");
            let restored = Auxiliary::from_parts(&head, auxiliary.arrays());
            assert_eq!(restored, Some(auxiliary));
        }
    }

    #[test]
    fn what_is_missing_is_an_error() {
        assert!(Auxiliary::None.target().is_err());
        assert!(Auxiliary::Target(1).triggers().is_err());
        assert!(Auxiliary::Target(1).parameters().is_err());
        assert_eq!(Auxiliary::Triggers(triggers()).target().ok(), Some(4));
        let head = Auxiliary::Triggers(triggers()).head();
        assert_eq!(Auxiliary::from_parts(&head, Arrays::new()), None);
    }
}
