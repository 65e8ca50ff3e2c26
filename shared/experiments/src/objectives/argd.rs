//! Attention relation graph distillation ([Xia et al., IJCAI
//! 2022](https://arxiv.org/abs/2204.09975)).

use super::cross_entropy::cross_entropy;
use super::{AuxiliaryParameters, Compared, Loss, Objective, ObjectiveInput, Tracked};
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use unstamp_data::choices;
use unstamp_data::seed::{Seed, Stream};
use unstamp_networks::attention::{Operator, norm, normalised, pooled};
use unstamp_networks::model::Maps;
use unstamp_networks::model::weights::{Array, Arrays};

choices! {
    /// Whether the layers of the embedding are trained together with the student.
    pub enum Embedder {
        /// They keep their random first values.
        Fixed = "fixed",
        /// They are trained.
        Trained = "trained",
    }
}

/// `L = CE + node V + edge E + embedding G` on the graph whose nodes are the groups' attention maps
/// `A^2_sum / (|A^2_sum| + 1e-6)`; a weight of 0 switches a term off. As the public code has them:
///
/// - nodes: `V = 2000 V_1 + 5000 V_2 + 2000 V_3`, `V_l` the mean squared error of the maps; in a
///   network with more groups all but the first and last have the weight 5000;
/// - edges: `E` is the mean of `MSE(d_T, d_S)` over all pairs of groups, where `d` is the squared
///   distance of the larger map, averaged to the smaller's size, to the smaller, at least 1e-12
///   and divided by its largest in the batch;
/// - embedding: every layer's mean attention goes through a linear layer of 128 outputs and a batch
///   normalisation; a softmax over the student's layers of query (teacher) times key (student) by
///   `sqrt(128)` weighs the mean squared distances between the unit maps of any two layers, pooled
///   to the smaller size. The linear layers are fixed random projections: the public code makes
///   them but never gives them to its optimiser. With [`Embedder::Trained`] they and the normalisations'
///   scales and shifts (1 and 0 without) are learned together with the student, as the text reads.
#[derive(Clone, Debug)]
pub struct Argd {
    /// Weight of the nodes' distances.
    pub node: f64,
    /// Weight of the edges' distances.
    pub edge: f64,
    /// Weight of the embedding's distances.
    pub embedding: f64,
    /// Whether the layers of the embedding are trained.
    pub embedder: Embedder,
}

/// Adam's learning rate for the embedding.
const RATE: f64 = 1e-3;

const WIDTH: usize = 128;

/// Weight of a group's node, counted from 0: 2000 for the first and the last group, 5000 between.
fn node_weight(group: usize, groups: usize) -> f32 {
    if group == 0 || group + 1 == groups { 2000.0 } else { 5000.0 }
}

/// Every pair of groups, neighbours first: (0, 1), (1, 2), (0, 2) for three groups.
fn pairs(groups: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for gap in 1..groups {
        pairs.extend((0..groups - gap).map(|first| (first, first + gap)));
    }
    pairs
}

/// A group's map, normalised over its positions, `[n, 1, h, w]`.
fn node(feature: &Maps) -> Tensor<4> {
    let [n, _, h, w] = feature.dims();
    let map = Operator::Sum2.map(feature.clone().into_tensor());
    (map.clone() / (norm(map) + 1e-6)).reshape([n, 1, h, w])
}

fn square(x: Tensor<4>) -> Tensor<4> {
    x.clone() * x
}

/// Two maps at the smaller one's size.
fn fitted(a: &Tensor<4>, b: &Tensor<4>) -> [Tensor<4>; 2] {
    let smaller = if a.dims()[2] <= b.dims()[2] { a } else { b };
    let [_, _, height, width] = smaller.dims();
    [a, b].map(|x| pooled(x.clone(), height, width))
}

/// Distances between two nodes, `[n, 1]`; the largest of the batch is 1.
fn edge(maps: &[Tensor<4>], (a, b): (usize, usize)) -> Tensor<2> {
    let [a, b] = fitted(&maps[a], &maps[b]);
    let distances = square(a - b).flatten::<2>(1, 3).sum_dim(1).clamp_min(1e-12);
    distances.clone() / distances.max_dim(0)
}

/// Weights of a linear layer with one input, `[128]`: of the teacher (role 0) or the student (role
/// 1).
fn projection(role: usize, layer: usize) -> Vec<f32> {
    let mut random = Seed(0).stream("argd", &[role as u64, layer as u64]);
    (0..WIDTH).map(|_| random.range(-1.0, 1.0)).collect()
}

/// Name of a trained parameter of the embedding.
fn name(role: usize, layer: usize, part: &str) -> String {
    format!("{}{layer}.{part}", ["query", "key"][role])
}

/// A layer's mean attention, projected and normalised over the batch, `[n, 128]`.
fn embedded(auxiliary: &Tracked, map: &Tensor<4>, role: usize, layer: usize) -> Tensor<2> {
    let of = |part| auxiliary.get(&name(role, layer, part)).cloned();
    let fixed = || {
        let row = TensorData::new(projection(role, layer), [1, WIDTH]);
        Tensor::from_data(row, &map.device())
    };
    let mean = map.clone().flatten::<2>(1, 3).mean_dim(1);
    let x = mean.matmul(of("weight").unwrap_or_else(fixed));
    let centred = x.clone() - x.mean_dim(0);
    let variance = (centred.clone() * centred.clone()).mean_dim(0);
    let x = centred / (variance + 1e-5).sqrt();
    match (of("scale"), of("shift")) {
        (Some(scale), Some(shift)) => x * scale + shift,
        _ => x,
    }
}

/// Weighed mean squared errors of the maps, `[1]`.
fn nodes(teacher: &[Tensor<4>], student: &[Tensor<4>]) -> Option<Tensor<1>> {
    let groups = teacher.len();
    let terms = teacher.iter().zip(student).enumerate().map(|(group, (teacher, student))| {
        square(teacher.clone() - student.clone()).mean() * node_weight(group, groups)
    });
    terms.reduce(|a, b| a + b)
}

/// Mean over all pairs of groups of the mean squared difference between the teacher's and the
/// student's edge, `[1]`; `None` if there is only one group.
fn edges(teacher: &[Tensor<4>], student: &[Tensor<4>]) -> Option<Tensor<1>> {
    let pairs = pairs(teacher.len());
    let count = pairs.len();
    let terms = pairs.into_iter().map(|pair| {
        let difference = edge(teacher, pair) - edge(student, pair);
        (difference.clone() * difference).mean()
    });
    Some(terms.reduce(|a, b| a + b)? / count as f32)
}

/// Weighed distances between all layers of teacher and student, `[1]`.
fn embedding(
    auxiliary: &Tracked,
    teacher: &[Tensor<4>],
    student: &[Tensor<4>],
) -> Option<Tensor<1>> {
    let unit = |map: Tensor<4>| normalised(map.flatten(1, 3));
    let keys: Vec<_> =
        student.iter().enumerate().map(|(l, map)| embedded(auxiliary, map, 1, l)).collect();
    let terms = teacher.iter().enumerate().map(|(layer, map)| {
        let query = embedded(auxiliary, map, 0, layer);
        let score = |key: &Tensor<2>| (query.clone() * key.clone()).sum_dim(1);
        let scores = Tensor::cat(keys.iter().map(score).collect(), 1);
        let shares = softmax(scores / (WIDTH as f32).sqrt(), 1);
        let distance = |key: &Tensor<4>| {
            let [map, key] = fitted(map, key);
            let difference = unit(map) - unit(key);
            (difference.clone() * difference).mean_dim(1)
        };
        let distances = Tensor::cat(student.iter().map(distance).collect(), 1);
        (shares * distances).sum_dim(1).mean().reshape([1])
    });
    terms.reduce(|a, b| a + b)
}

impl Objective for Argd {
    fn compares(&self) -> Compared {
        Compared::Maps
    }

    fn auxiliary(&self, groups: usize, _random: Stream) -> Option<AuxiliaryParameters> {
        let mut first = Arrays::new();
        for (role, layer) in (0..2).flat_map(|role| (0..groups).map(move |l| (role, l))) {
            let parts = [
                ("weight", projection(role, layer)),
                ("scale", vec![1.0; WIDTH]),
                ("shift", vec![0.0; WIDTH]),
            ];
            first.extend(parts.map(|(part, values)| {
                (name(role, layer, part), Array { shape: vec![1, WIDTH], values })
            }));
        }
        (self.embedder == Embedder::Trained && self.embedding > 0.0)
            .then_some(AuxiliaryParameters { first, lr: RATE })
    }

    fn loss(&self, seen: &ObjectiveInput) -> Loss {
        let ce = cross_entropy(seen.student.logits.clone(), seen.labels.clone());
        let mut parts = vec![("cross_entropy", ce.clone())];
        let Some(teacher) = seen.teacher else { return Loss { total: ce, parts } };
        let teacher: Vec<_> = teacher.features.iter().map(|f| node(f).detach()).collect();
        let student: Vec<_> = seen.student.features.iter().map(node).collect();
        let mut total = ce;
        let mut add = |name: &'static str, weight: f64, term: Option<Tensor<1>>| {
            if let Some(term) = term {
                total = total.clone() + term.clone() * weight as f32;
                parts.push((name, term));
            }
        };
        // A weight of 0 switches a term off, so the term is not computed.
        if self.node > 0.0 {
            add("nodes", self.node, nodes(&teacher, &student));
        }
        if self.edge > 0.0 {
            add("edges", self.edge, edges(&teacher, &student));
        }
        if self.embedding > 0.0 {
            add("embedding", self.embedding, embedding(seen.auxiliary, &teacher, &student));
        }
        Loss { total, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, labels, output, values};
    use burn::tensor::Device;

    fn argd(weight: f64, embedder: Embedder) -> Argd {
        Argd { node: weight, edge: weight, embedding: weight, embedder }
    }

    #[test]
    fn groups_are_paired_neighbours_first() {
        assert!(pairs(1).is_empty());
        assert_eq!(pairs(4), [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]);
    }

    #[test]
    fn groups_between_the_first_and_the_last_weigh_more() {
        assert_eq!([0, 1, 2, 3].map(|g| node_weight(g, 4)), [2000.0, 5000.0, 5000.0, 2000.0]);
        assert_eq!(node_weight(0, 1), 2000.0);
    }

    /// Of two images: the larger map averages to the smaller one, and to a value 2 away from it.
    #[test]
    fn the_largest_edge_of_a_batch_is_1() {
        let device = Device::flex();
        let large = [[1.0, 3.0], [0.0, 4.0]];
        let large = Tensor::from_floats([[large], [[[0.0; 2]; 2]]], &device);
        let small = Tensor::from_floats([[[[2.0]]], [[[2.0]]]], &device);
        close(&values(edge(&[large, small], (0, 1))), &[0.0, 1.0]);
    }

    /// The maps `(1, 0)` and `(0, 1)` have a mean squared error of 1.
    #[test]
    fn nodes_are_weighed_squared_errors() {
        let teacher = output(&[[[2.0, 0.0]]]).features;
        let student = output(&[[[0.0, 3.0]]]).features;
        let [teacher, student] = [teacher, student].map(|f| f.iter().map(node).collect::<Vec<_>>());
        close(&values(nodes(&teacher, &student).expect("one group")), &[2000.0]);
        assert!(edges(&teacher, &student).is_none(), "one group has no pair");
    }

    #[test]
    fn only_a_trained_embedding_has_parameters() {
        let parameters = |argd: Argd| argd.auxiliary(3, Seed(0).stream("first", &[]));
        assert!(parameters(argd(1.0, Embedder::Fixed)).is_none());
        assert!(parameters(argd(0.0, Embedder::Trained)).is_none());
        let trained = parameters(argd(1.0, Embedder::Trained)).expect("it is trained");
        assert_eq!(trained.first.len(), 2 * 3 * 3, "teacher and student, groups, parts");
        assert!(trained.first.values().all(|array| array.shape == [1, WIDTH]));
    }

    #[test]
    fn a_student_that_equals_its_teacher_has_no_distance() {
        let same = output(&[[[1.0, 2.0]], [[3.0, 1.0]]]);
        let auxiliary = Tracked::new();
        let parts = |weight| {
            let loss = argd(weight, Embedder::Fixed).loss(&ObjectiveInput {
                student: &same,
                teacher: Some(&same),
                labels: labels([0]),
                auxiliary: &auxiliary,
            });
            loss.parts.into_iter().map(|(name, part)| (name, values(part)[0])).collect::<Vec<_>>()
        };
        let found = parts(1.0);
        assert_eq!(found[1..3], [("nodes", 0.0), ("edges", 0.0)]);
        assert_eq!(found[3].0, "embedding");
        assert_eq!(parts(0.0).len(), 1, "a weight of 0 switches a term off");
    }
}
