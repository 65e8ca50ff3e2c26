//! Who teaches a student that distils, and how that one was taught: choices shared by the defences.

use super::fine_tune::{FineTune, phase, training};
use super::{Defence, Given};
use crate::job::{Phase, Schedule, Start, Training};
use unstamp_data::method::{Param, Values};

/// Whether the teacher is trained as its student is, or as NAD's section 4.1 has it (0.1, 10 epochs, a
/// tenth every 2) whatever the student's learning rate: a rate too low to erase the backdoor from
/// the student leaves it in such a teacher too.
pub(super) fn training_param() -> Param {
    Param::choice("teacher_training", "as its student's, or as in the paper", &["same", "paper"])
        .hash_neutral()
}

/// `teacher` and what belongs to it, named as in NAD's figures 4 and 5 and table 2: `finetuned` is
/// B-F, `victim` B, `scratch` C, a network of any architecture trained on the clean subset only.
pub(super) fn params() -> [Param; 4] {
    [
        Param::choice("teacher", "which model teaches", &["finetuned", "victim", "scratch"]),
        Param::choice(
            "teacher_arch",
            "of a teacher from scratch",
            &["same", "wrn-10-1", "wrn-10-2", "wrn-16-1", "wrn-16-2", "wrn-40-1", "wrn-40-2"],
        ),
        Param::int("scratch_epochs", "of a teacher from scratch", 1, 1000, 100),
        training_param(),
    ]
}

fn teacher_training(given: &Given) -> Training {
    let own = training(given);
    if given.values.text("teacher_training") != "paper" {
        return own;
    }
    let values = &Values::default().with_defaults(&FineTune.params());
    let Training { lr, epochs, schedule, .. } = training(&Given { values, ..*given });
    Training { lr, epochs, schedule, ..own }
}

/// The fine-tuned victim, B-F.
pub(super) fn finetuned(given: &Given) -> Phase {
    phase("teacher", teacher_training(given))
}

/// From random weights, in one cycle: the papers give no schedule for teachers from scratch.
fn scratch(given: &Given) -> Phase {
    let arch = Some(given.values.text("teacher_arch")).filter(|name| *name != "same");
    let epochs = given.values.int("scratch_epochs") as usize;
    let training = Training { epochs, schedule: Schedule::OneCycle, ..teacher_training(given) };
    phase("teacher", training).from(Start::Fresh(arch.map(str::to_string)))
}

/// The phase that makes the teacher out of the model at `from`; none where that model teaches itself.
pub(super) fn teacher(given: &Given, from: Start) -> Option<Phase> {
    match given.values.text("teacher") {
        "scratch" => Some(scratch(given)),
        "finetuned" => Some(finetuned(given).from(from)),
        _ => None,
    }
}

/// The phase that makes the teacher, if one is made, and then `distil` with that teacher.
pub(super) fn taught(given: &Given, distil: Phase) -> Vec<Phase> {
    match teacher(given, Start::Victim) {
        Some(teacher) => vec![teacher, distil.with_references([Start::Phase(0)])],
        None => vec![distil.with_references([Start::Victim])],
    }
}
