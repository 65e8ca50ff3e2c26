//! Attention relation graph distillation: attention maps and the relations between them.

use super::fine_tune::{training, training_params};
use super::teacher::{self, taught};
use super::{Defence, Given};
use crate::job::Phase;
use crate::objectives::Argd as Loss;
use std::sync::Arc;
use unstamp_data::method::{Method, Param};

/// Xia et al. (2022); the terms and their weights are in [`crate::objectives::Argd`]. The teacher is
/// NAD's, a fine-tuned victim, as both papers compare them; the public code's is
/// `teacher = "scratch"` with `teacher_arch = "wrn-40-2"`. The embedding is fixed, as in that code, or
/// trained.
pub struct Argd;

impl Defence for Argd {
    fn method(&self) -> Method {
        Method {
            id: "argd",
            title: "Attention relation graph distillation",
            paper: "Xia et al. 2022; NBA table 2",
            summary: "Aligns attention maps and the relations between them with a fine-tuned teacher's.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        params.extend([
            Param::float("node", "weight of the maps' distances; 0 is off", 0.0, 1e6, 1.0),
            Param::float("edge", "weight of the relations' distances; 0 is off", 0.0, 1e6, 1.0),
            Param::float("embedding", "weight of the embedding's; 0 is off", 0.0, 1e6, 1.0),
            Param::choice("embedder", "whether its layers learn too", &["fixed", "trained"])
                .hash_neutral(),
        ]);
        params.extend(teacher::params().map(Param::hash_neutral));
        params
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let weight = |key| given.values.float(key);
        let (node, edge, embedding) = (weight("node"), weight("edge"), weight("embedding"));
        let trained = given.values.text("embedder") == "trained";
        let loss = Arc::new(Loss { node, edge, embedding, trained });
        taught(given, Phase::train("distil", loss, training(given)))
    }
}
