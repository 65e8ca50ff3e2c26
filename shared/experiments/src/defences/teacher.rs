//! Settings of a teacher, and the phase that makes it. NAD, ARGD and NBA use them.

use super::training::{TrainingSettings, cross_entropy_phase};
use crate::job::{Phase, Schedule, Start, Training};
use unstamp_data::method::{Accepts, Param, Value, Values};
use unstamp_data::settings::{Setting, single};
use unstamp_data::{choices, settings};
use unstamp_networks::model::architectures;

/// Name of the phase that makes a teacher. Tables show the rates after it.
pub const TEACHER: &str = "teacher";

choices! {
    /// The model that teaches, named as in NAD's figures 4 and 5 and table 2.
    pub enum Teacher {
        /// The victim after fine-tuning (B-F).
        FineTuned = "finetuned",
        /// The victim itself (B); in a later round of NAD, the model that the round begins with.
        Victim = "victim",
        /// A network of any architecture, trained on the clean subset only (C).
        Scratch = "scratch",
    }
}

choices! {
    /// How a teacher is trained. A teacher from scratch always has its own number of epochs
    /// (`scratch_epochs`) and its own schedule (`scratch_schedule`).
    pub enum TeacherTraining {
        /// With the settings of its student.
        Same = "same",
        /// With the learning rate, epochs and schedule of NAD section 4.1. A learning rate that is too
        /// low to erase the backdoor from the student would leave it in the teacher too.
        Paper = "paper",
    }
}

choices! {
    /// The schedule of a teacher from scratch. NAD section 4.4 names the configuration of section 4.1.
    /// Ten epochs of it on 2,500 images leave a network far below the 61 to 65 % that table 2 reports
    /// for such teachers, so the default trains longer.
    pub enum ScratchSchedule {
        /// One cycle.
        OneCycle = "one_cycle",
        /// That of a fine-tuned teacher.
        Teacher = "teacher",
    }
}

impl TeacherTraining {
    /// The training of the teacher of a student whose training is `student`.
    fn of(self, student: &Training) -> Training {
        match self {
            Self::Same => student.clone(),
            Self::Paper => {
                let paper = TrainingSettings::default().training(student.augment.flip);
                let Training { lr, epochs, schedule, .. } = paper;
                Training { lr, epochs, schedule, ..student.clone() }
            }
        }
    }

    /// The phase that fine-tunes the victim to a teacher (B-F).
    pub fn fine_tuned(self, student: &Training) -> Phase {
        cross_entropy_phase(TEACHER, self.of(student))
    }
}

/// Architecture of a teacher from scratch; `None` is the victim's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeacherArch(Option<&'static str>);

/// The name for the victim's architecture.
const SAME: &str = "same";

impl Setting for TeacherArch {
    type Range = ();

    fn declare(&self, id: &'static str, help: &'static str, _range: ()) -> Vec<Param> {
        let names = std::iter::once(SAME).chain(architectures()).collect();
        let default = Value::Text(self.0.unwrap_or(SAME).to_string());
        single(id, help, Accepts::Choice(names), default)
    }

    fn write(&self, id: &str, values: &mut Values) {
        values.0.insert(id.to_string(), Value::Text(self.0.unwrap_or(SAME).to_string()));
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        match values.0.get(id)? {
            Value::Text(text) if text == SAME => Some(Self(None)),
            Value::Text(text) => {
                architectures().find(|name| name == text).map(|name| Self(Some(name)))
            }
            _ => None,
        }
    }
}

settings! {
    /// The model that teaches, and its training.
    pub struct TeacherSettings {
        /// The model that teaches.
        teacher: Teacher = Teacher::FineTuned, "which model teaches";
        /// Architecture of a teacher from scratch.
        teacher_arch: TeacherArch = TeacherArch(None), "architecture of a teacher from scratch";
        /// Epochs of a teacher from scratch.
        scratch_epochs: usize [1..=1000] = 100, "epochs of a teacher from scratch";
        /// Schedule of a teacher from scratch.
        scratch_schedule: ScratchSchedule = ScratchSchedule::OneCycle,
            "schedule of a teacher from scratch; teacher: that of a fine-tuned teacher", hash_neutral;
        /// How the teacher is trained.
        teacher_training: TeacherTraining = TeacherTraining::Same,
            "how the teacher is trained; paper: as in NAD section 4.1", hash_neutral;
    }
}

impl TeacherSettings {
    /// From random weights.
    fn scratch(&self, student: &Training) -> Phase {
        let mut training = self.teacher_training.of(student);
        training.epochs = self.scratch_epochs;
        if self.scratch_schedule == ScratchSchedule::OneCycle {
            training.schedule = Schedule::OneCycle;
        }
        let arch = self.teacher_arch.0.map(str::to_string);
        cross_entropy_phase(TEACHER, training).from(Start::Fresh(arch))
    }

    /// The phase that makes the teacher out of the model at `from`; `None` if that model is the
    /// teacher.
    pub fn phase(&self, student: &Training, from: Start) -> Option<Phase> {
        match self.teacher {
            Teacher::Scratch => Some(self.scratch(student)),
            Teacher::FineTuned => Some(self.teacher_training.fine_tuned(student).from(from)),
            Teacher::Victim => None,
        }
    }

    /// The phase that makes the teacher, if one is made, and then `distil` with that teacher.
    pub fn phases(&self, student: &Training, distil: Phase) -> Vec<Phase> {
        match self.phase(student, Start::Victim) {
            Some(teacher) => vec![teacher, distil.with_references([Start::Phase(0)])],
            None => vec![distil.with_references([Start::Victim])],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Work;
    use crate::testing::training;

    fn trained(phase: &Phase) -> &Training {
        match &phase.work {
            Work::Train(train_phase) => &train_phase.training,
            Work::Edit(_) => panic!("{phase:?} is an edit"),
        }
    }

    fn distil() -> Phase {
        cross_entropy_phase("distil", training(2, 8))
    }

    #[test]
    fn every_teacher_is_the_reference_of_its_student() {
        for teacher in [Teacher::FineTuned, Teacher::Victim, Teacher::Scratch] {
            let settings = TeacherSettings { teacher, ..TeacherSettings::default() };
            let phases = settings.phases(&training(2, 8), distil());
            let (student, made) = phases.split_last().expect("a student");
            let found = (made.first().map(|phase| phase.student.clone()), &student.references[0]);
            let wanted = match teacher {
                Teacher::FineTuned => (Some(Start::Victim), &Start::Phase(0)),
                Teacher::Victim => (None, &Start::Victim),
                Teacher::Scratch => (Some(Start::Fresh(None)), &Start::Phase(0)),
            };
            assert_eq!(found, wanted, "{teacher:?}");
        }
    }

    #[test]
    fn a_teacher_from_scratch_has_its_own_length_and_schedule() {
        let student = training(2, 8);
        for (scratch_schedule, schedule) in [
            (ScratchSchedule::OneCycle, Schedule::OneCycle),
            (ScratchSchedule::Teacher, student.schedule),
        ] {
            let settings = TeacherSettings {
                teacher: Teacher::Scratch,
                teacher_arch: TeacherArch(Some("wrn-40-2")),
                scratch_epochs: 7,
                scratch_schedule,
                ..TeacherSettings::default()
            };
            let phase = settings.phase(&student, Start::Victim).expect("it is trained");
            assert_eq!(phase.student, Start::Fresh(Some("wrn-40-2".to_string())));
            assert_eq!(*trained(&phase), Training { epochs: 7, schedule, ..student.clone() });
        }
    }

    #[test]
    fn the_training_of_the_paper_keeps_batch_and_augmentation() {
        let student = Training { weight_decay: 0.5, ..training(2, 8) };
        assert_eq!(TeacherTraining::Same.of(&student), student);
        let schedule = Schedule::Step { every: 2, factor: 0.1, times: Some(1000) };
        let wanted = Training { lr: 0.1, epochs: 10, schedule, ..student.clone() };
        assert_eq!(TeacherTraining::Paper.of(&student), wanted);
    }

    #[test]
    fn architectures_are_read_back_and_unknown_ones_are_refused() {
        for arch in std::iter::once(None).chain(architectures().map(Some)) {
            let mut values = Values::default();
            TeacherArch(arch).write("arch", &mut values);
            assert_eq!(TeacherArch::read("arch", &values), Some(TeacherArch(arch)));
        }
        for value in [Value::Text("wrn-11-1".to_string()), Value::Int(1)] {
            let values = Values([("arch".to_string(), value)].into_iter().collect());
            assert_eq!(TeacherArch::read("arch", &values), None);
        }
    }
}
