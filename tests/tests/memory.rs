//! A long training holds no more memory at its end than after its first steps.

use cap::Cap;
use std::alloc::System;
use unstamp_bench::implementation::{Implementation, LabelledBatch};
use unstamp_shared::model::{Arch, weights};
use unstamp_shared::seed::Seed;

/// Counts the bytes that are allocated and not yet freed. What the operating system sees of a process
/// also depends on the allocator and on the other programs, so it would make this test fail by chance.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Steps after which every buffer of a training has been allocated once.
const WARM: usize = 100;
const LONG: usize = 1000;

/// Nine times as many steps more may add a hundredth of what the training holds after its first steps:
/// tables that grow by doubling. A step that kept one small tensor would add more.
#[test]
fn a_thousand_steps_hold_no_more_than_a_hundred() {
    let device = unstamp_shared::Device::flex();
    let arch = Arch::new("wrn-10-1", 10);
    let network = arch.init(Seed(0), &device).expect("it exists");
    let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
    let before = ALLOCATOR.allocated();
    let mut implementation = Implementation::new(true, &arch, &arrays).expect("it fits");
    let batch = LabelledBatch::new(8);
    let mut warm = before;
    for step in 1..=LONG {
        let loss = pollster::block_on(implementation.train(&batch));
        assert!(loss.is_finite(), "step {step}");
        if step == WARM {
            warm = ALLOCATOR.allocated();
        }
    }
    let held = warm.saturating_sub(before);
    let added = ALLOCATOR.allocated().saturating_sub(warm);
    assert!(held > 0, "a training holds some memory");
    assert!(
        added <= held / 100,
        "{WARM} steps hold {held} bytes, the next {} add {added}",
        LONG - WARM
    );
}
