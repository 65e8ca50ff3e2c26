//! The betas, and the phases of teachers, students and rounds.

use super::*;
use crate::defences::teacher::TeacherTraining;
use crate::job::Work;

fn phases(settings: &NadSettings, images: usize) -> Vec<Phase> {
    let given = DefenceInput { images, size: (32, 32), flip: false, trigger: None };
    TypedDefence::phases(&Nad, settings, &given)
}

/// Name, student and references of each phase.
fn plan(phases: &[Phase]) -> Vec<(&str, Start, Vec<Start>)> {
    let row = |phase: &Phase| (phase.name, phase.student.clone(), phase.references.clone());
    phases.iter().map(row).collect()
}

#[test]
fn the_default_beta_is_the_third_of_the_grid() {
    assert_eq!(grid(Form::Paper), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]);
    assert_eq!(grid(Form::Code)[2], 1000.0);
    let beta = |form, beta| NadSettings { form, beta, ..NadSettings::default() }.beta();
    assert_eq!([beta(Form::Paper, -1.0), beta(Form::Code, -1.0)], [2.0, 1000.0]);
    assert_eq!([beta(Form::Paper, 0.0), beta(Form::Code, 7.5)], [0.0, 7.5]);
}

#[test]
fn each_round_begins_with_the_student_of_the_last_one() {
    use Start::{Phase, Victim};
    let settings = NadSettings { rounds: 2, ..NadSettings::default() };
    let wanted = [
        (TEACHER, Victim, vec![]),
        ("distil", Victim, vec![Phase(0)]),
        (TEACHER, Phase(1), vec![]),
        ("distil", Phase(1), vec![Phase(2)]),
    ];
    assert_eq!(plan(&phases(&settings, 500)), wanted);
}

#[test]
fn teacher_and_student_are_chosen_apart() {
    use Start::{Phase, Victim};
    let with = |teacher, student| {
        let teaching = TeacherSettings { teacher, ..TeacherSettings::default() };
        NadSettings { student, teaching, ..NadSettings::default() }
    };
    // One fine-tuned model is teacher and student.
    let both = phases(&with(Teacher::FineTuned, Student::FineTuned), 500);
    assert_eq!(plan(&both), [(TEACHER, Victim, vec![]), ("distil", Phase(0), vec![Phase(0)])]);
    let victim = phases(&with(Teacher::Victim, Student::FineTuned), 500);
    assert_eq!(plan(&victim), [("student", Victim, vec![]), ("distil", Phase(0), vec![Victim])]);
}

/// Figure 4 has one model B-F, be it the teacher or the student.
#[test]
fn a_fine_tuned_student_is_trained_as_a_fine_tuned_teacher() {
    let trained = |teacher| {
        let teacher_training = TeacherTraining::Paper;
        let teaching = TeacherSettings { teacher, teacher_training, ..TeacherSettings::default() };
        let mut training = TrainingSettings::default();
        training.sgd.lr = 0.01;
        let student = Student::FineTuned;
        let settings = NadSettings { training, student, teaching, ..NadSettings::default() };
        match phases(&settings, 500).swap_remove(0).work {
            Work::Train(train_phase) => train_phase.training,
            Work::Edit(edit) => panic!("{edit:?} is an edit"),
        }
    };
    assert_eq!(trained(Teacher::Victim).lr, 0.1);
    assert_eq!(trained(Teacher::Victim), trained(Teacher::FineTuned));
}

#[test]
fn beta_is_searched_for_only_with_validation_images() {
    let settings = NadSettings { threshold: 1.0, ..NadSettings::default() };
    assert_eq!(phases(&settings, 999).len(), 2);
    let all = phases(&settings, 1000);
    let (choose, tried) = all.split_last().expect("phases");
    assert_eq!((choose.name, tried.len()), ("choose", 1 + 6));
    assert_eq!(choose.references, [1, 2, 3, 4, 5, 6].map(Start::Phase));
}
