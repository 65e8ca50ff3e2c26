//! Neural behavioural alignment ([Ying & Wu, Cybersecurity
//! 2023](https://doi.org/10.1186/s42400-023-00154-z)): the distance between the behaviour of a student
//! and of a teacher, equations 1 to 8.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use unstamp_data::{choices, settings};
use unstamp_networks::attention::{normalised, pooled};
use unstamp_networks::model::{Features, Maps, Output};

choices! {
    /// How features are scaled before they are compared.
    pub enum Scale {
        /// Every sample's feature has length 1, and every distance is divided by the mean squared length
        /// of the teacher's matrices in the batch. This project's choice: the printed sums are too small
        /// or too large for weights of 2, 2 and 0.1. Here a student whose matrices are 0 has a distance of
        /// 1 at every layer.
        Relative = "relative",
        /// Every sample's feature has length 1, and no constant stands before the sums.
        Unit = "unit",
        /// Features as they are, `1 / (4 C^2 (HW)^2)` before the response (equation 3).
        Printed = "printed",
    }
}

choices! {
    /// The meaning of `M^l = |G^l - G^(l+1)|^2` (equation 4).
    pub enum Reading {
        /// A number, the squared Frobenius norm.
        Scalar = "scalar",
        /// A matrix of squared differences.
        Elementwise = "elementwise",
    }
}

choices! {
    /// The layers that are compared.
    pub enum Layers {
        /// All blocks. Equation 4 compares neighbours whose features have the same size: the blocks of one
        /// group. In a network with one block in each group, such as wrn-10-1, learning behaviour is 0.
        Blocks = "blocks",
        /// The ends of the groups. Their numbers of channels differ, so equation 4 has no meaning for Gram
        /// matrices of channels; it uses Gram matrices of positions, with every map averaged to the last
        /// group's size.
        Groups = "groups",
    }
}

choices! {
    /// The matrix that represents the behaviour of a layer.
    pub enum Representation {
        /// The Gram matrix of its channels, `[c, c]` (equation 1).
        Gram = "gram",
        /// The Gram matrix of its positions, `[h w, h w]`: the bounds of the sums in equation 3.
        Positions = "positions",
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
        scale: Scale = Scale::Relative, "scale of features and distances";
        /// The layers that are compared.
        layers: Layers = Layers::Blocks, "layers that are compared: all blocks, or the ends of groups";
        /// Meaning of equation 4.
        reading: Reading = Reading::Scalar, "reading of equation 4";
        /// Gram matrices, or features.
        behaviour: Representation = Representation::Gram, "what of a feature is compared";
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
    let scaled = if scale == Scale::Printed { flat } else { normalised(flat) };
    scaled.reshape([n, c, h * w])
}

/// `[n, c, h * w]` -> `[n, h * w, h * w]`.
fn gram_of_positions(rows: Tensor<3>) -> Tensor<3> {
    rows.clone().swap_dims(1, 2).matmul(rows)
}

/// Sums of squares of each sample, `[n]`.
fn squares(x: Tensor<3>) -> Tensor<1> {
    (x.clone() * x).sum_dim(2).sum_dim(1).flatten(0, 2)
}

/// The sum of terms `[n]`; zeros where networks have too few features to compare.
fn total(terms: impl Iterator<Item = Tensor<1>>, output: &Output) -> Tensor<1> {
    let [n, _] = output.logits.dims();
    let none = || Tensor::zeros([n], &output.logits.device());
    terms.reduce(|a, b| a + b).unwrap_or_else(none)
}

/// Distances of each sample, `[n]`.
impl Behaviour {
    /// The matrix that represents the behaviour of a layer with this feature.
    fn matrix(&self, feature: &Maps) -> Tensor<3> {
        let rows = rows(self.scale, feature.clone().into_tensor());
        match self.behaviour {
            Representation::Gram => rows.clone().matmul(rows.swap_dims(1, 2)),
            Representation::Positions => gram_of_positions(rows),
            Representation::Feature => rows,
        }
    }

    /// `|T - S|^2` of two matrices, in the scale of the distances.
    fn distance(&self, teacher: Tensor<3>, student: Tensor<3>) -> Tensor<1> {
        let distance = squares(teacher.clone() - student);
        match self.scale {
            Scale::Relative => distance / squares(teacher).mean().clamp_min(1e-12),
            Scale::Unit | Scale::Printed => distance,
        }
    }

    /// `sum_l |R_T^l - R_S^l|^2` (equations 1 to 3).
    pub fn response(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let pairs = teacher.features.iter().zip(&student.features);
        let terms = pairs.map(|(t, s)| {
            let [_, c, h, w] = s.dims();
            let distance = self.distance(self.matrix(t), self.matrix(s));
            match self.scale {
                Scale::Printed => distance * (0.25 / ((c * h * w) as f32).powi(2)),
                Scale::Unit | Scale::Relative => distance,
            }
        });
        total(terms, student)
    }

    /// The matrix that represents the end of a group in equation 4 ([`Layers::Groups`]): the Gram matrix of
    /// its positions, or, without Gram matrices, its mean over channels.
    fn group(&self, feature: &Maps, [height, width]: [usize; 2]) -> Tensor<3> {
        let small = pooled(feature.clone().into_tensor(), height, width);
        match self.behaviour {
            Representation::Feature => rows(self.scale, small.mean_dim(1)),
            Representation::Gram | Representation::Positions => {
                gram_of_positions(rows(self.scale, small))
            }
        }
    }

    /// The matrices that equation 4 subtracts, one for each layer.
    fn matrices(&self, output: &Output) -> Vec<Tensor<3>> {
        let features = &output.features;
        let [_, _, height, width] = features.last().map_or([1; 4], Maps::dims);
        let of = |feature: &Maps| match self.layers {
            Layers::Blocks => self.matrix(feature),
            Layers::Groups => self.group(feature, [height, width]),
        };
        features.iter().map(of).collect()
    }

    /// `M^l = |G^l - G^(l+1)|^2` (equation 4) of neighbouring layers; of blocks only where their features
    /// have the same size.
    fn steps(&self, output: &Output) -> Vec<Tensor<3>> {
        let matrices = self.matrices(output);
        let mut steps = Vec::new();
        for (features, pair) in output.features.windows(2).zip(matrices.windows(2)) {
            if self.layers == Layers::Blocks && features[0].dims() != features[1].dims() {
                continue;
            }
            let change = pair[0].clone() - pair[1].clone();
            let square = change.clone() * change;
            steps.push(match self.reading {
                Reading::Elementwise => square,
                Reading::Scalar => square.sum_dim(2).sum_dim(1),
            });
        }
        steps
    }

    /// `sum_l |M_T^l - M_S^l|^2` (equation 5).
    pub fn learning(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let pairs = self.steps(teacher).into_iter().zip(self.steps(student));
        total(pairs.map(|(t, s)| self.distance(t, s)), student)
    }

    /// Softened predictions of the teacher against the student's (equations 6 and 7); no factor `T^2`,
    /// as printed.
    pub fn prediction(&self, teacher: &Output, student: &Output) -> Tensor<1> {
        let t = self.temperature as f32;
        let wanted = softmax(teacher.logits.clone() / t, 1);
        let mut log = log_softmax(student.logits.clone() / t, 1);
        if self.divergence == Divergence::Kl {
            log = log - log_softmax(teacher.logits.clone() / t, 1);
        }
        (wanted * log).sum_dim(1).neg().flatten(0, 1)
    }

    /// The features that the distances compare.
    pub fn features(&self) -> Features {
        match self.layers {
            Layers::Blocks => Features::Blocks,
            Layers::Groups => Features::Groups,
        }
    }
}

#[cfg(test)]
mod tests;
