//! Comparison of a trigger that a defence recovered with the attacker's. Only for evaluation.

use crate::device::ChosenDevice;
use anyhow::Result;
use unstamp_shared::attacks::Area;
use unstamp_shared::datasets::Split;
use unstamp_shared::job::{PhaseOutput, RecoveredTriggers};
use unstamp_shared::model::{Arch, weights};
use unstamp_shared::poison::Trigger;
use unstamp_shared::result::Recovery;
use unstamp_shared::seed::Seed;

/// Root mean square over pixels and colours between a patch and the trigger as it lies on the first
/// test image, mean over patches; `None` where the trigger is no square of this size.
fn distance(found: &RecoveredTriggers, trigger: &Trigger, test: &Split) -> Option<f64> {
    let side = found.position.side;
    let area = trigger.attack.area(&trigger.values, test.width, test.height)?;
    let Area { x, y, width, height } = area;
    if [width, height] != [side; 2] || test.is_empty() {
        return None;
    }
    let mut image = test.image(0);
    trigger.stamp(&mut image, 0);
    let truth = |c: usize, i: usize| {
        let at = ((y + i / side) * image.width + x + i % side) * 3 + c;
        f64::from(image.pixels[at]) / 255.0
    };
    let off = |patch: &[f32]| {
        let squares = patch.iter().enumerate().map(|(i, value)| {
            let d = f64::from(*value) - truth(i / (side * side), i % (side * side));
            d * d
        });
        (squares.sum::<f64>() / patch.len() as f64).sqrt()
    };
    let patches = found.patches.values.chunks_exact(found.position.size());
    let count = patches.len() as f64;
    Some(patches.map(off).sum::<f64>() / count)
}

/// The effect of a job's last recovered trigger on the model that it was recovered from, on test images.
/// `None` where no phase recovered a trigger.
///
/// # Errors
/// The weights do not fit the architecture, or the device fails.
pub fn measure_recovery(
    outputs: &[PhaseOutput],
    arch: &Arch,
    test: &Split,
    trigger: Option<&Trigger>,
    seed: Seed,
    device: &ChosenDevice,
) -> Result<Option<Recovery>> {
    let recovered = |output: &'_ PhaseOutput| output.auxiliary.triggers().is_ok();
    let Some(output) = outputs.iter().rfind(|output| recovered(output)) else { return Ok(None) };
    let found = output.auxiliary.triggers()?;
    let network = weights::frozen(arch, &output.weights, &device.device)?;
    let mut random = seed.stream("recovery", &[]);
    let asr = found.success(&network, test, &device.device, &mut random);
    let distance = trigger.and_then(|trigger| distance(found, trigger, test));
    Ok(Some(Recovery { target: found.target, asr: pollster::block_on(asr)?, distance }))
}
