//! Attention relation graph distillation: attention maps and the relations between them.

use super::teacher::TeacherSettings;
use super::training::TrainingSettings;
use super::{DefenceInput, TypedDefence};
use crate::job::Phase;
use crate::objectives::{Argd as Loss, Embedder};
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::settings;

/// [Xia et al. (2022)](https://arxiv.org/abs/2204.09975); the terms and their weights are in
/// [`crate::objectives::Argd`]. The teacher is NAD's, a fine-tuned victim, as both papers compare them;
/// the public code's is `teacher = "scratch"` with `teacher_arch = "wrn-40-2"`. The embedding is fixed,
/// as in that code, or trained.
pub struct Argd;

settings! {
    /// The settings of [`Argd`].
    pub struct ArgdSettings {
        /// The training of teacher and student.
        training: TrainingSettings = TrainingSettings::default();
        /// Weight of the nodes.
        node: f64 [0.0..=1e6] = 1.0, "weight of the distances of attention maps; 0: off";
        /// Weight of the edges.
        edge: f64 [0.0..=1e6] = 1.0, "weight of the distances of relations; 0: off";
        /// Weight of the embedding.
        embedding: f64 [0.0..=1e6] = 1.0, "weight of the distance of embedded maps; 0: off";
        /// Whether the layers of the embedding are trained.
        embedder: Embedder = Embedder::Fixed,
            "whether the layers of the embedding are trained", hash_neutral;
        /// The teacher.
        teacher: TeacherSettings = TeacherSettings::default(), hash_neutral;
    }
}

impl TypedDefence for Argd {
    type Settings = ArgdSettings;

    fn method(&self) -> Method {
        Method {
            id: "argd",
            title: "Attention relation graph distillation",
            paper: "Xia et al. 2022; NBA table 2",
            summary: "Aligns attention maps and the relations between them with a fine-tuned teacher's.",
        }
    }

    fn phases(&self, settings: &ArgdSettings, given: &DefenceInput) -> Vec<Phase> {
        let &ArgdSettings { node, edge, embedding, embedder, .. } = settings;
        let loss = Arc::new(Loss { node, edge, embedding, embedder });
        let training = settings.training.training(given.flip);
        let distil = Phase::train("distil", loss, training.clone());
        settings.teacher.phases(&training, distil)
    }
}
