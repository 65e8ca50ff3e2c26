//! Images, triggers, poisoned data sets and measures. Needs no tensors.
//!
//! The page's user interface is built from this crate alone, so a trigger follows the pointer
//! without a network.
//!
//! # Examples
//!
//! A quarter of 20 drawn traffic signs gets the trigger of BadNets and the label of class 0:
//!
//! ```
//! use unstamp_data::datasets::{SplitName, signs};
//! use unstamp_data::method::Values;
//! use unstamp_data::poison::{Draw, RateOf, TriggerRecord, poison, select, sign_trigger};
//! use unstamp_data::seed::Seed;
//!
//! let train = signs::split(Seed(0), SplitName::Train, 0..20);
//! let record =
//!     TriggerRecord { attack: "badnets".into(), set: Values::default(), target: 0, seed: 0 };
//! let trigger = sign_trigger(&record, signs::CLASSES.len())?;
//! let chosen = select(&train.labels, &trigger, 0.25, RateOf::All, Draw::NonTarget)?;
//! let poisoned = poison(&train, &trigger, &chosen)?;
//! assert_eq!(chosen.len(), 5);
//! assert!(chosen.iter().all(|&i| train.labels[i] != 0 && poisoned.labels[i] == 0));
//! # Ok::<(), unstamp_data::poison::PoisonError>(())
//! ```

pub mod attacks;
pub mod datasets;
mod filter;
pub mod heat;
pub mod image;
pub mod manifest;
pub mod method;
pub mod metrics;
pub mod poison;
pub mod seed;
pub mod self_test;
pub mod settings;
pub mod sprite;
