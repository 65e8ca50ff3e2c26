//! Neural attention distillation ([Li et al., ICLR 2021](https://arxiv.org/abs/2101.05930)): cross
//! entropy plus the distance between normalised attention maps.

use super::cross_entropy::cross_entropy;
use super::{Compared, Loss, Objective, ObjectiveInput};
use burn::tensor::Tensor;
use unstamp_data::choices;
use unstamp_networks::attention::{Operator, norm, normalised};
use unstamp_networks::model::{Maps, Output};

choices! {
    /// The definition of the distance.
    pub enum Form {
        /// NAD equation 2: `|| A(F_T)/|A(F_T)| - A(F_S)/|A(F_S)| ||_2` a sample, the same beta for all
        /// groups.
        Paper = "paper",
        /// The authors' repository: mean squared error over samples and positions, with 1e-6 added to
        /// the norms and the groups weighted 1/2 : 1 : 1 (its betas are 500, 1000, 1000).
        Code = "code",
    }
}

/// `L = CE + beta sum_l d_l(teacher, student)` (NAD equation 3).
#[derive(Clone, Debug)]
pub struct Nad {
    /// Definition of the distance.
    pub form: Form,
    /// How channels become a map (equation 1).
    pub operator: Operator,
    /// Weight of the distances.
    pub beta: f64,
}

/// Distance of one group's maps, `[1]`, mean over the batch. The teacher's map carries no gradient.
fn distance(form: Form, operator: Operator, teacher: Tensor<4>, student: Tensor<4>) -> Tensor<1> {
    let teacher = operator.map(teacher.detach());
    let student = operator.map(student);
    match form {
        Form::Paper => norm(normalised(teacher) - normalised(student)).mean(),
        Form::Code => {
            let scaled = |map: Tensor<2>| map.clone() / (norm(map) + 1e-6);
            let difference = scaled(teacher) - scaled(student);
            (difference.clone() * difference).mean()
        }
    }
}

/// Factor of beta for a group, counted from 0.
fn weight(form: Form, group: usize) -> f64 {
    if form == Form::Code && group == 0 { 0.5 } else { 1.0 }
}

/// The paper's distance between the attention of two networks, summed over groups, `[1]`; 0 for
/// networks without features.
///
/// # Examples
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use unstamp_experiments::objectives::attention_distance;
/// use unstamp_networks::attention::Operator;
/// use unstamp_networks::model::{Maps, Output, weights::read};
///
/// // The teacher looks at the left position, the student at the right one: two orthogonal unit maps.
/// let device = Device::flex();
/// let output = |left: f32, right: f32| {
///     let feature = Tensor::from_floats([[[[left, right]]]], &device);
///     let logits = Tensor::zeros([1, 2], &device);
///     Output { logits: logits.clone(), features: vec![Maps::new(feature)], pooled: logits }
/// };
/// let distance = attention_distance(Operator::Sum2, &output(3.0, 0.0), &output(0.0, 1.0));
/// let distance = pollster::block_on(read(vec![distance]))?[0][0];
/// assert!((distance - 2f32.sqrt()).abs() < 1e-6);
/// # Ok::<(), unstamp_networks::model::weights::WeightsError>(())
/// ```
pub fn attention_distance(operator: Operator, teacher: &Output, student: &Output) -> Tensor<1> {
    let pairs = teacher.features.iter().cloned().zip(student.features.iter().cloned());
    let terms =
        pairs.map(|(t, s)| distance(Form::Paper, operator, t.into_tensor(), s.into_tensor()));
    terms.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([1], &student.logits.device()))
}

impl Objective for Nad {
    fn compares(&self) -> Compared {
        if self.operator == Operator::Raw { Compared::Features } else { Compared::Maps }
    }

    fn loss(&self, seen: &ObjectiveInput) -> Loss {
        const NAMES: [&str; 5] =
            ["attention_1", "attention_2", "attention_3", "attention_4", "attention_5"];
        let ce = cross_entropy(seen.student.logits.clone(), seen.labels.clone());
        let mut total = ce.clone();
        let mut parts = vec![("cross_entropy", ce)];
        let teacher = seen.teacher.map_or(&[][..], |t| &t.features);
        let pairs = teacher.iter().cloned().zip(seen.student.features.iter().cloned());
        for (group, (teacher, student)) in pairs.enumerate() {
            let [teacher, student] = [teacher, student].map(Maps::into_tensor);
            let d = distance(self.form, self.operator, teacher, student);
            // beta = 0 must be plain fine-tuning to the bit, so the term is left out, not scaled.
            if self.beta > 0.0 {
                total = total + d.clone() * (self.beta * weight(self.form, group)) as f32;
            }
            parts.push((NAMES.get(group).copied().unwrap_or("attention"), d));
        }
        Loss { total, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objectives::Tracked;
    use crate::testing::{close, labels, output, values};

    /// The distances of two groups: orthogonal maps, and equal maps of another length.
    fn outputs() -> [Output; 2] {
        let teacher = output(&[[[2.0, 0.0]], [[1.0, 1.0]]]);
        let student = output(&[[[0.0, 3.0]], [[2.0, 2.0]]]);
        [teacher, student]
    }

    #[test]
    fn distances_follow_their_definitions() {
        let [teacher, student] = outputs();
        for (form, wanted) in [
            // |(1, 0) - (0, 1)|
            (Form::Paper, [2f32.sqrt(), 0.0]),
            // The mean of 1 and 1. The 1e-6 beside the norms is below the tolerance.
            (Form::Code, [1.0, 0.0]),
        ] {
            for (group, wanted) in wanted.into_iter().enumerate() {
                let [t, s] = [&teacher, &student].map(|o| o.features[group].clone().into_tensor());
                close(&values(distance(form, Operator::Sum2, t, s)), &[wanted]);
            }
        }
    }

    fn total(form: Form, beta: f64) -> f32 {
        let [teacher, student] = outputs();
        let nad = Nad { form, operator: Operator::Sum2, beta };
        let auxiliary = Tracked::new();
        let loss = nad.loss(&ObjectiveInput {
            student: &student,
            teacher: Some(&teacher),
            labels: labels([0]),
            auxiliary: &auxiliary,
        });
        let names: Vec<&str> = loss.parts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["cross_entropy", "attention_1", "attention_2"]);
        values(loss.total)[0]
    }

    /// Two classes of equal probability: the cross entropy is ln 2.
    #[test]
    fn beta_weighs_the_distances() {
        let ce = 2f32.ln();
        close(&[total(Form::Paper, 3.0)], &[ce + 3.0 * 2f32.sqrt()]);
        close(&[total(Form::Code, 100.0)], &[ce + 0.5 * 100.0]);
        for form in [Form::Paper, Form::Code] {
            assert_eq!(total(form, 0.0), values(plain_cross_entropy())[0]);
        }
    }

    fn plain_cross_entropy() -> Tensor<1> {
        let [_, student] = outputs();
        cross_entropy(student.logits, labels([0]))
    }

    #[test]
    fn only_the_first_group_of_the_code_has_half_the_weight() {
        assert_eq!([0, 1, 2].map(|group| weight(Form::Code, group)), [0.5, 1.0, 1.0]);
        assert_eq!([0, 1].map(|group| weight(Form::Paper, group)), [1.0, 1.0]);
    }

    #[test]
    fn networks_without_features_have_no_distance() {
        let none = output::<1, 1>(&[]);
        assert_eq!(values(attention_distance(Operator::Sum2, &none, &none)), [0.0]);
    }
}
