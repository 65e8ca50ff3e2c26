//! A long training holds no more memory at its end than after its first steps.
#![cfg(target_os = "linux")]

use unstamp_bench::contender::{Contender, Lesson};
use unstamp_shared::model::{Arch, weights};
use unstamp_shared::seed::Seed;

/// Steps after which every buffer of a training has been allocated once.
const WARM: usize = 100;
const LONG: usize = 1000;

/// Resident memory in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("with resident memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

/// The measure is what the training itself holds after its first steps: nine times as many steps
/// more may add a quarter of that, for the allocator's own use. If every step kept only one percent
/// of it, nine times as much would be added.
#[test]
fn a_thousand_steps_hold_no_more_than_a_hundred() {
    let device = unstamp_shared::Device::flex();
    let arch = Arch { name: "wrn-10-1".into(), classes: 10, normalisation: None };
    let network = arch.init(Seed(0), &device).expect("it exists");
    let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
    let before = resident();
    let mut contender = Contender::new(true, &arch, &arrays).expect("it fits");
    let lesson = Lesson::new(8);
    let mut warm = before;
    for step in 1..=LONG {
        let loss = pollster::block_on(contender.train(&lesson));
        assert!(loss.is_finite(), "step {step}");
        if step == WARM {
            warm = resident();
        }
    }
    let held = warm.saturating_sub(before);
    let added = resident().saturating_sub(warm);
    assert!(held > 0, "a training holds some memory");
    assert!(
        added <= held / 4,
        "{WARM} steps hold {held} KiB, the next {} add {added} KiB",
        LONG - WARM
    );
}
