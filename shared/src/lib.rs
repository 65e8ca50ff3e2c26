//! Everything that Unstamp computes, natively and in WASM, as one crate for trainer and page.
//!
//! The crates below `shared/` hold the code; each one depends only on those above it in this table.
//! None of them opens a file, reads a clock, prints, or keeps a global random generator.
//!
//! | crate | what it holds | feature |
//! |---|---|---|
//! | `unstamp-data` | images, triggers, poisoned data sets, measures | always |
//! | `burn-fused-conv` | convolution kernels for Burn; depends on no other crate of Unstamp | `tensors` |
//! | `unstamp-networks` | networks, weights, attention maps, evaluation | `tensors` |
//! | `unstamp-experiments` | losses, training jobs, defences, recipes, results | `learn` |
//!
//! # Plant and erase
//!
//! Needs the features `cpu` and `learn`, and takes seconds.
//!
#![cfg_attr(all(feature = "cpu", feature = "learn"), doc = "```")]
#![cfg_attr(not(all(feature = "cpu", feature = "learn")), doc = "```ignore")]
//! use std::sync::Arc;
//! use unstamp_shared::Device;
//! use unstamp_shared::datasets::{SplitName, signs};
//! use unstamp_shared::defences::{DefenceInput, defence};
//! use unstamp_shared::evaluate::{BATCH, Evaluation};
//! use unstamp_shared::job::{Augment, Job, Phase, Schedule, Training};
//! use unstamp_shared::method::Values;
//! use unstamp_shared::model::{Arch, weights};
//! use unstamp_shared::objectives::CrossEntropy;
//! use unstamp_shared::poison::{Draw, RateOf, TriggerRecord};
//! use unstamp_shared::poison::{clean_subset, poison, select, sign_trigger};
//! use unstamp_shared::seed::Seed;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # pollster::block_on(async {
//! // Drawn traffic signs, and a small network.
//! let train = signs::split(Seed(0), SplitName::Train, 0..300);
//! let arch = Arch::new("wrn-10-1", 10);
//! let device = Device::flex();
//!
//! // The attack: a fifth of the images gets a white square and the label of class 0.
//! let set = Values::parse(["size=8", "pattern=white"])?;
//! let record = TriggerRecord { attack: "badnets".into(), set, target: 0, seed: 0 };
//! let trigger = sign_trigger(&record, 10)?;
//! let chosen = select(&train.labels, &trigger, 0.2, RateOf::All, Draw::AnyClass)?;
//! let poisoned = Arc::new(poison(&train, &trigger, &chosen)?);
//!
//! // Training on them plants the backdoor.
//! let training = Training {
//!     epochs: 5,
//!     batch: 16,
//!     lr: 0.1,
//!     schedule: Schedule::OneCycle,
//!     momentum: 0.9,
//!     nesterov: true,
//!     weight_decay: 5e-4,
//!     augment: Augment::default(),
//! };
//! let fresh = weights::arrays(&arch.init(Seed(0), &device)?).await?;
//! let plant = vec![Phase::train("train", Arc::new(CrossEntropy), training)];
//! let mut job =
//!     Job::new("plant".into(), arch.clone(), fresh, plant, poisoned, Seed(0), device.clone())?;
//! while job.next().await?.is_some() {}
//! let victim = job.result().expect("the job has ended").clone();
//!
//! // Neural attention distillation on 75 clean images erases it.
//! let clean = Arc::new(train.subset(&clean_subset(300, 0.25, Seed(0))));
//! let nad = defence("nad").expect("it is listed");
//! let values = Values::parse(["epochs=3", "batch=16", "lr=0.05"])?;
//! let given = DefenceInput::new(&clean, false, None);
//! let erase = nad.phases(&values, given)?;
//! let mut job =
//!     Job::new("erase".into(), arch.clone(), victim.clone(), erase, clean, Seed(0), device.clone())?;
//! while job.next().await?.is_some() {}
//! let erased = job.result().expect("the job has ended").clone();
//!
//! // Attack success rate: how many triggered test images of other classes become class 0.
//! let test = signs::split(Seed(0), SplitName::Test, 0..100);
//! let mut rates = Vec::new();
//! for model in [&victim, &erased] {
//!     let network = weights::frozen(&arch, model, &device)?;
//!     let mut evaluation = Evaluation::new(arch.classes);
//!     while evaluation.step(&network, &test, Some(&trigger), &device, BATCH).await? {}
//!     rates.push(evaluation.report(Some(&trigger)).asr.expect("there is a trigger").value);
//! }
//! assert!(rates[0] > 0.8 && rates[1] < 0.3, "{rates:?}");
//! # Ok(())
//! # })
//! # }
//! ```

pub use unstamp_data::*;
#[cfg(feature = "learn")]
pub use unstamp_experiments::*;
#[cfg(feature = "tensors")]
pub use unstamp_networks::*;

#[cfg(feature = "tensors")]
pub use burn_fused_conv as kernels;
// Both crates have a module of this name; the one of the networks holds the other.
#[cfg(feature = "tensors")]
pub use unstamp_networks::self_test;
