//! Adversarial examples and training on them. Attacks, defences and recipes use both.

mod pgd;
mod robust;

pub use pgd::{Norm, Pgd};
pub use robust::Robust;
