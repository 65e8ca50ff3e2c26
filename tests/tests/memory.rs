//! A long training holds no more memory at its end than after its first steps.
#![cfg(target_os = "linux")]

use unstamp_bench::contender::{Contender, Lesson};
use unstamp_shared::model::{Arch, weights};
use unstamp_shared::seed::Seed;

/// Resident memory in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("with resident memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn a_thousand_steps_hold_no_more_than_a_hundred() {
    let device = unstamp_shared::Device::flex();
    let arch = Arch { name: "wrn-10-1".into(), classes: 10, normalisation: None };
    let network = arch.init(Seed(0), &device).expect("it exists");
    let arrays = pollster::block_on(weights::arrays(&network)).expect("readable");
    let mut contender = Contender::new(true, &arch, &arrays).expect("it fits");
    let lesson = Lesson::new(8);
    let mut after = Vec::new();
    for step in 1..=1000 {
        let loss = pollster::block_on(contender.train(&lesson));
        assert!(loss.is_finite(), "step {step}");
        if step == 100 || step == 1000 {
            after.push(resident());
        }
    }
    // One leaked activation a step (8 x 16 x 32 x 32 numbers) would be 450 MiB.
    assert!(
        after[1] < after[0] + 16 * 1024,
        "{} KiB after 100 steps, {} after 1000",
        after[0],
        after[1]
    );
}
