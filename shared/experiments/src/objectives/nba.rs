//! Neural behavioural alignment ([Ying & Wu, Cybersecurity
//! 2023](https://doi.org/10.1186/s42400-023-00154-z)): the distance between the behaviour of a student
//! and of a teacher, equations 1 to 8.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use unstamp_data::{choices, settings};
use unstamp_networks::attention::{normalised, pooled};
use unstamp_networks::model::Output;

choices! {
    /// How features are scaled before they are compared.
    pub enum Scale {
        /// Every sample's feature has length 1, and no constant stands before the sums. This project's
        /// choice: the printed sums are too small or too large for weights of 2, 2 and 0.1.
        Unit = "unit",
        /// Features as they are, `1 / (4 C^2 (HW)^2)` before the response (equation 3).
        Printed = "printed",
    }
}

choices! {
    /// What `M^l = |G^l - G^(l+1)|^2` (equation 4) is taken to mean.
    pub enum Reading {
        /// A number, the squared Frobenius norm.
        Scalar = "scalar",
        /// A matrix of squared differences.
        Elementwise = "elementwise",
    }
}

choices! {
    /// What stands for the behaviour of a layer.
    pub enum Representation {
        /// The Gram matrix of its feature (equation 1).
        Gram = "gram",
        /// The feature itself (NBA figures 8 and 9); in learning behaviour its mean over channels.
        Feature = "feature",
    }
}

choices! {
    /// How predictions are compared. Both have the same gradient and different values.
    pub enum Divergence {
        /// The cross entropy that equation 7 prints.
        CrossEntropy = "cross_entropy",
        /// The Kullback-Leibler divergence that the text names.
        Kl = "kl",
    }
}

settings! {
    /// Definition of the distances between behaviours.
    pub struct Behaviour {
        /// Scale of the features.
        scale: Scale = Scale::Unit, "scale of features before they are compared";
        /// Meaning of equation 4.
        reading: Reading = Reading::Scalar, "reading of equation 4";
        /// Gram matrices, or features.
        behaviour: Representation = Representation::Gram, "representation of features that is compared";
        /// How predictions are compared.
        divergence: Divergence = Divergence::CrossEntropy, "divergence of predictions";
        /// Temperature of the softened predictions.
        temperature: f64 [0.1..=100.0] = 5.0, "temperature of predictions";
    }
}

/// `[n, c, h, w]` -> `[n, c, h * w]`, every sample scaled.
fn rows(scale: Scale, feature: Tensor<4>) -> Tensor<3> {
    let [n, c, h, w] = feature.dims();
    let flat: Tensor<2> = feature.flatten(1, 3);
    let scaled = if scale == Scale::Unit { normalised(flat) } else { flat };
    scaled.reshape([n, c, h * w])
}

/// The distance of networks that have too few features to compare, `[1]`.
fn none(output: &Output) -> Tensor<1> {
    Tensor::zeros([1], &output.logits.device())
}

/// Mean over the batch of the summed squares, `[1]`.
fn squares(x: Tensor<3>) -> Tensor<1> {
    let [n, _, _] = x.dims();
    (x.clone() * x).sum().reshape([1]) / n as f32
}

impl Behaviour {
    /// `sum_l |R_T^l - R_S^l|^2`, where `R` is the Gram matrix of channels `[c, c]` (equation 1) or
    /// the feature; mean over the batch.
    pub fn response(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let of = |feature: &Tensor<4>| {
            let rows = rows(self.scale, feature.clone());
            match self.behaviour {
                Representation::Gram => rows.clone().matmul(rows.swap_dims(1, 2)),
                Representation::Feature => rows,
            }
        };
        let pairs = teacher.features.iter().zip(&student.features);
        let terms = pairs.map(|(t, s)| {
            let [_, c, h, w] = s.dims();
            let constant = match self.scale {
                Scale::Unit => 1.0,
                Scale::Printed => 0.25 / ((c * h * w) as f32).powi(2),
            };
            squares(of(t) - of(s)) * constant
        });
        terms.reduce(|a, b| a + b).unwrap_or_else(|| none(student))
    }

    /// One matrix per group that can be compared with that of the next group. The groups differ in
    /// their number of channels, so equation 4 has no meaning for Gram matrices of channels. Gram
    /// matrices of positions, `[positions, positions]`, have one size once every map is averaged to
    /// the last group's size. Without Gram matrices it is the mean over channels at those positions,
    /// `[1, positions]`.
    fn layers(&self, output: &Output) -> Vec<Tensor<3>> {
        let last = output.features.last().map_or([1; 4], Tensor::dims);
        let [_, _, height, width] = last;
        let of = |feature: &Tensor<4>| {
            let small = pooled(feature.clone(), height, width);
            match self.behaviour {
                Representation::Feature => rows(self.scale, small.mean_dim(1)),
                Representation::Gram => {
                    let rows = rows(self.scale, small);
                    rows.clone().swap_dims(1, 2).matmul(rows)
                }
            }
        };
        output.features.iter().map(of).collect()
    }

    /// `sum_l |M_T^l - M_S^l|^2` (equation 5), mean over the batch.
    pub fn learning(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let steps = |output: &Output| -> Vec<Tensor<3>> {
            let layers = self.layers(output);
            let pairs = layers.iter().zip(layers.iter().skip(1));
            let changes = pairs.map(|(one, next)| {
                let change = one.clone() - next.clone();
                let square = change.clone() * change;
                match self.reading {
                    Reading::Elementwise => square,
                    Reading::Scalar => square.sum_dim(2).sum_dim(1),
                }
            });
            changes.collect()
        };
        let terms = steps(teacher).into_iter().zip(steps(student)).map(|(t, s)| squares(t - s));
        terms.reduce(|a, b| a + b).unwrap_or_else(|| none(student))
    }

    /// Softened predictions of the teacher against the student's (equations 6 and 7), mean over the
    /// batch; no factor `T^2`, as printed.
    pub fn prediction(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let t = self.temperature as f32;
        let wanted = softmax(teacher.logits.clone() / t, 1);
        let [n, _] = wanted.dims();
        let mut log = log_softmax(student.logits.clone() / t, 1);
        if self.divergence == Divergence::Kl {
            log = log - log_softmax(teacher.logits.clone() / t, 1);
        }
        (wanted * log).sum().reshape([1]) / -(n as f32)
    }
}
