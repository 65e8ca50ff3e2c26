//! Neural attention distillation ([Li et al., ICLR 2021](https://arxiv.org/abs/2101.05930)), the
//! central defence of this project. `cutout.rs` is the shortest defence.
//!
//! First the victim is fine-tuned on the clean subset; this is the teacher. Then the student, which
//! also starts as the victim, is trained on the same images. Its loss is cross entropy plus `beta`
//! times the distance between its normalised attention maps and the teacher's. With `beta = 0` the
//! second phase is plain fine-tuning. That control shows what the attention term adds.

use super::teacher::{TEACHER, Teacher, TeacherSettings};
use super::training::{StoppingSettings, TrainingSettings, cross_entropy_phase};
use super::{DefenceInput, Reported, TypedDefence};
use crate::BoxFuture;
use crate::job::{
    Edit, EditContext, Edited, Phase, PhaseError, PhaseInput, Start, TrainPhase, Training,
};
use crate::objectives::{Form, Nad as NadObjective};
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::{choices, settings};
use unstamp_networks::attention::Operator;
use unstamp_networks::evaluate::accuracy;

/// The defaults are those of NAD section 4.1, with the operator A^2_sum. The paper's betas (10,000 to
/// 50,000) have no stated scale: with the norm of equation 2 the attention term would be thousands of
/// times the cross entropy. Therefore `beta = -1` means this project's choice: 2 for `form = "paper"`
/// and 1,000 for `form = "code"`. With `threshold` above 0 the paper's rule chooses beta instead: beta
/// is doubled as long as the validation accuracy stays within `threshold` points of the accuracy at
/// the smallest beta.
///
/// The settings `teacher` and `student` give the pairs of figures 4 and 5 and of table 2.
pub struct Nad;

/// Betas the rule tries; the third is the default.
fn grid(form: Form) -> [f64; 6] {
    let unit = if form == Form::Paper { 0.5 } else { 250.0 };
    [0, 1, 2, 3, 4, 5].map(|power| unit * f64::from(1 << power))
}

/// Teacher and distillation of section 4.1, for fine-pruning, whose rule `match` runs NAD first.
pub(super) fn standard(training: &Training) -> Vec<Phase> {
    let loss =
        NadObjective { form: Form::Paper, operator: Operator::Sum2, beta: grid(Form::Paper)[2] };
    let distil = Phase::train("distil", Arc::new(loss), training.clone());
    vec![cross_entropy_phase(TEACHER, training.clone()), distil.with_references([Start::Phase(0)])]
}

choices! {
    /// The weights that the student starts from.
    pub enum Student {
        /// The victim.
        Victim = "victim",
        /// The victim after fine-tuning.
        FineTuned = "finetuned",
    }
}

settings! {
    /// The settings of [`Nad`].
    pub struct NadSettings {
        /// The training of teacher and student.
        training: TrainingSettings = TrainingSettings::default();
        /// Definition of the distance between maps.
        form: Form = Form::Paper, "paper: equation 2; code: the authors' mean squared error";
        /// How channels become a map.
        operator: Operator = Operator::Sum2,
            "how channels become a map (equation 1); raw: the activations themselves (table 8)";
        /// Weight of the attention term; -1 is the default of the form.
        beta: f64 [-1.0..=1e6] = -1.0,
            "weight of the attention term, if threshold is 0; -1: 2 for form paper, 1000 for form code; 0: none (control)";
        /// Points of validation accuracy that the search for beta may cost; 0 is no search.
        threshold: f64 [0.0..=100.0] = 0.0,
            "points of validation accuracy that the search for beta may cost; 0: no search, beta holds";
        /// The weights that the student starts from.
        student: Student = Student::Victim, "weights that the student starts from";
        /// Number of erasures, each from the model of the one before.
        rounds: usize [1..=20] = 1, "number of erasures in a row (figure 9)";
        /// Early stopping of the distillation.
        stopping: StoppingSettings = StoppingSettings::default(), hash_neutral;
        /// The teacher.
        teaching: TeacherSettings = TeacherSettings::default();
    }
}

impl NadSettings {
    /// The weight of the attention term.
    fn beta(&self) -> f64 {
        if self.beta < 0.0 { grid(self.form)[2] } else { self.beta }
    }
}

/// Chooses among the references, one for each beta in rising order: the last one before the validation
/// accuracy falls more than `points` below that of the first. Without validation images: the first.
#[derive(Debug)]
struct LastWithin {
    /// Percentage points of accuracy that may be lost.
    points: f64,
    /// The betas of the references.
    betas: Vec<f64>,
}

impl LastWithin {
    async fn run(&self, context: EditContext<'_>) -> Result<Edited, PhaseError> {
        let mut measured = Vec::new();
        let students = context.references;
        let mut chosen = 0;
        if let Some(split) = context.validation {
            let reach =
                async |weights| accuracy(context.arch, weights, split, context.device).await;
            let mut floor = 0.0;
            for (i, student) in students.iter().enumerate() {
                let reached = reach(&student.weights).await?.value;
                measured.push((format!("validation_accuracy_at_{}", self.betas[i]), reached));
                if i == 0 {
                    floor = reached - self.points / 100.0;
                }
                if reached < floor {
                    break;
                }
                chosen = i;
            }
        }
        measured.push(("beta".to_string(), self.betas[chosen]));
        let student = students.get(chosen).ok_or(PhaseError::Missing(PhaseInput::Model))?;
        Ok(Edited { output: (*student).clone(), measured })
    }
}

impl Edit for LastWithin {
    fn needs_validation(&self) -> bool {
        true
    }

    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>> {
        Box::pin(self.run(context))
    }
}

/// The phases of several rounds.
struct Rounds<'a> {
    settings: &'a NadSettings,
    training: Training,
    /// Whether there are validation images to choose beta by.
    has_validation_images: bool,
    phases: Vec<Phase>,
}

impl Rounds<'_> {
    /// Adds a phase and gives its output.
    fn add(&mut self, phase: Phase) -> Start {
        self.phases.push(phase);
        Start::Phase(self.phases.len() - 1)
    }

    /// The student of a round that begins with the model at `from`.
    fn student(&mut self, from: &Start, teacher: &Start) -> Start {
        match (self.settings.student, self.settings.teaching.teacher) {
            (Student::Victim, _) => from.clone(),
            // One fine-tuned model serves as teacher and student alike.
            (Student::FineTuned, Teacher::FineTuned) => teacher.clone(),
            // Trained as a fine-tuned teacher would be: figure 4 has one model B-F.
            (Student::FineTuned, _) => {
                let tuned = self.settings.teaching.teacher_training.fine_tuned(&self.training);
                self.add(Phase { name: "student", ..tuned.from(from.clone()) })
            }
        }
    }

    /// The distillation of the model at `student`.
    fn distillation(&self, student: &Start, teacher: &Start, beta: f64) -> Phase {
        let NadSettings { form, operator, .. } = *self.settings;
        let loss = Arc::new(NadObjective { form, operator, beta });
        let train_phase = TrainPhase::new(loss, self.training.clone());
        let patience = self.settings.stopping.patience();
        Phase::training("distil", TrainPhase { patience, ..train_phase })
            .from(student.clone())
            .with_references([teacher.clone()])
    }

    /// One erasure of the model at `from`.
    fn round(&mut self, from: Start) -> Start {
        let settings = self.settings;
        let teacher = match settings.teaching.phase(&self.training, from.clone()) {
            Some(phase) => self.add(phase),
            None => from.clone(),
        };
        let student = self.student(&from, &teacher);
        let points = settings.threshold;
        if points > 0.0 && self.has_validation_images {
            let betas = grid(settings.form).to_vec();
            let mut students = Vec::new();
            for beta in &betas {
                let distil = self.distillation(&student, &teacher, *beta);
                students.push(self.add(distil));
            }
            let choose = Phase::edit("choose", Arc::new(LastWithin { points, betas }));
            return self.add(choose.from(student).with_references(students));
        }
        let distil = self.distillation(&student, &teacher, settings.beta());
        self.add(distil)
    }
}

impl TypedDefence for Nad {
    type Settings = NadSettings;

    fn method(&self) -> Method {
        Method {
            id: "nad",
            title: "Neural attention distillation",
            paper: "NAD equations 1 to 3",
            summary: "Fine-tunes a teacher on the clean subset, then aligns the victim's attention maps with it.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 81.17, asr: 4.77 },
            Reported { attack: "trojan", acc: 79.16, asr: 19.63 },
            Reported { attack: "blend", acc: 81.68, asr: 4.04 },
            Reported { attack: "clean_label", acc: 80.34, asr: 9.18 },
            Reported { attack: "sig", acc: 81.95, asr: 2.52 },
        ]
    }

    fn phases(&self, settings: &NadSettings, given: &DefenceInput) -> Vec<Phase> {
        let mut rounds = Rounds {
            settings,
            training: settings.training.training(given.flip),
            has_validation_images: given.has_validation_images(),
            phases: Vec::new(),
        };
        let mut from = Start::Victim;
        for _ in 0..settings.rounds {
            from = rounds.round(from);
        }
        rounds.phases
    }
}

#[cfg(test)]
mod tests;
