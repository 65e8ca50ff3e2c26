//! Who teaches a student that distils: a choice shared by the defences that leave it open.

use super::Given;
use super::fine_tune::{phase, training};
use crate::job::{Phase, Schedule, Start, Training};
use crate::method::Param;

/// `teacher` and what belongs to it, named as in NAD's figures 4 and 5 and table 2: `finetuned` is
/// B-F, `victim` B, `scratch` C, a network of any architecture trained on the clean subset only.
pub(super) fn params() -> [Param; 3] {
    [
        Param::choice("teacher", "which model teaches", &["finetuned", "victim", "scratch"]),
        Param::choice(
            "teacher_arch",
            "of a teacher from scratch",
            &["same", "wrn-10-1", "wrn-10-2", "wrn-16-1", "wrn-16-2", "wrn-40-1", "wrn-40-2"],
        ),
        Param::int("scratch_epochs", "of a teacher from scratch", 1, 1000, 100),
    ]
}

/// The phase that makes the teacher out of the model at `from`; none where that model teaches itself.
pub(super) fn teacher(given: &Given, from: Start) -> Option<Phase> {
    match given.values.text("teacher") {
        "scratch" => Some(scratch(given)),
        "finetuned" => Some(phase("teacher", training(given)).from(from)),
        _ => None,
    }
}

/// From random weights, in one cycle: the papers give no schedule for teachers from scratch.
fn scratch(given: &Given) -> Phase {
    let arch = Some(given.values.text("teacher_arch")).filter(|name| *name != "same");
    let epochs = given.values.int("scratch_epochs") as usize;
    let training = Training { epochs, schedule: Schedule::OneCycle, ..training(given) };
    phase("teacher", training).from(Start::Fresh(arch.map(str::to_string)))
}

/// `lesson` for the victim beside its teacher, who is made first.
pub(super) fn taught(given: &Given, lesson: Phase) -> Vec<Phase> {
    match teacher(given, Start::Victim) {
        Some(teacher) => vec![teacher, lesson.beside([Start::Phase(0)])],
        None => vec![lesson.beside([Start::Victim])],
    }
}
